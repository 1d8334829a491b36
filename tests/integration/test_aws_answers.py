"""What the operator's commands say when AWS, or what answers in its place, is not as expected."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug import Request, Response

from tests.integration.conftest import AWS
from tests.integration.test_command import call, environment
from tests.support.wsgi import served

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
LOGIN_PAGE = "<!DOCTYPE html><html><title>Guest network</title><body>Log in<br></body></html>"


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    """The login page of a hotel's network, which answers whatever is called."""
    with served(Request.application(lambda _: Response(LOGIN_PAGE, content_type="text/html; charset=utf-8"))) as url:
        yield url


@pytest.mark.parametrize(
    "arguments",
    [
        ["tokens", "list", "--secret-id", "x"],
        ["tokens", "create", "grafana", "--stack", "x"],
        ["doctor", "--stack", "x"],
        ["versions", "prune", "--stack", "x"],
        ["history", "list"],
        ["notices", "--dry-run", "--stack", "x"],
    ],
    ids=" ".join,
)
def test_a_login_page_in_the_place_of_aws(arguments: list[str], portal: str) -> None:
    """The machine is in a network that wants a login first, and answers every call with 200 and a web page."""
    variables = {"AWS_ENDPOINT_URL": portal, "AWS_REGION": "us-east-1", "SNAPSHOT_BUCKET": "b", "TIME_ZONE": "UTC"}
    done = call(*arguments, env=environment(**CREDENTIALS, **variables))
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert f"{portal} answers with a web page, not as AWS" in line


def test_region_and_account_are_named(aws: AWS) -> None:
    done = call("tokens", "list", "--secret-id", "elsewhere", "--region", "eu-north-1", env=dict(os.environ))
    assert done.stderr.startswith("elsewhere: An error occurred (ResourceNotFoundException)")
    assert done.stderr.endswith(" (region eu-north-1, account 123456789012)\n")


@pytest.mark.parametrize("arguments", [["tokens", "list", "--secret-id", "x"], ["versions", "prune", "--stack", "x"]])
def test_without_a_region(arguments: list[str], tmp_path: Path) -> None:
    done = call(*arguments, env=environment(**CREDENTIALS, HOME=str(tmp_path)))
    assert done.returncode == 2
    assert done.stderr.endswith("You must specify a region: --region, AWS_REGION, or `region` in deploy.toml.\n")
