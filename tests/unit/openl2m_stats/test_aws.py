"""What the operator's commands say when AWS, or what answers in its place, is not as expected."""

from collections.abc import Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, NoRegionError
from werkzeug import Request, Response

from openl2m_stats.aws import AWS_ERRORS, NotAWSError, client, explain
from tests.integration.conftest import AWS
from tests.support.wsgi import served
from tests.unit.openl2m_stats.conftest import Run

LOGIN_PAGE = "<!DOCTYPE html><html><title>Guest network</title><body>Log in<br></body></html>"


@pytest.fixture
def portal(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The login page of a hotel's network, which answers whatever is called."""
    with served(Request.application(lambda _: Response(LOGIN_PAGE, content_type="text/html; charset=utf-8"))) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield url


@pytest.mark.parametrize(
    "arguments",
    [
        ["tokens", "list", "--secret-id", "x"],
        ["tokens", "create", "grafana", "--stack", "x"],
        ["doctor", "--stack", "x"],
        ["versions", "prune", "--stack", "x"],
        ["versions", "list", "--stack", "x"],
        ["notices", "--dry-run", "--stack", "x"],
        ["versions", "rollback", "--stack", "x", "--yes"],
        ["status", "--stack", "x"],
        ["verify", "--stack", "x"],
        ["failures", "purge", "--stack", "x", "--yes"],
        ["snapshot", "--stack", "x"],
        ["history", "list"],
    ],
    ids=" ".join,
)
def test_a_login_page_in_the_place_of_aws(
    arguments: list[str], portal: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is in a network that wants a login first, and answers every call with 200 and a web page."""
    monkeypatch.setenv("SNAPSHOT_BUCKET", "b")
    monkeypatch.setenv("TIME_ZONE", "UTC")
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    [line] = done.err.splitlines()
    assert f"{portal} answers with a web page, not as AWS" in line


@pytest.mark.parametrize(("status", "is_page"), [(200, True), (299, True), (300, False), (403, False), (500, True)])
def test_an_error_may_be_a_page(status: int, is_page: bool, aws: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """But of a page in the place of XML, botocore makes a 500."""
    with served(Request.application(lambda _: Response(LOGIN_PAGE, status))) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        found = client("secretsmanager", Config(retries={"total_max_attempts": 1}))
        with pytest.raises(AWS_ERRORS) as error:
            found.list_secrets()
    assert isinstance(error.value, NotAWSError) == is_page


def test_json_and_xml_are_not_pages(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Request.application(lambda _: Response('{"SecretList": []}'))) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        assert client("secretsmanager", Config()).list_secrets()["SecretList"] == []


def test_region_and_account_are_named(aws: AWS, run: Run) -> None:
    done = run("tokens", "list", "--secret-id", "elsewhere", "--region", "eu-north-1")
    assert done.err.startswith("elsewhere: An error occurred (ResourceNotFoundException)")
    assert done.err.endswith(" (region eu-north-1, account 123456789012)\n")


def test_the_region_alone_where_the_account_cannot_be_found_out(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    found = client("secretsmanager", Config())
    with pytest.raises(ClientError) as error:
        found.get_secret_value(SecretId="elsewhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "nonsense")
    assert explain(error.value).endswith(" (region us-east-1)")


@pytest.mark.parametrize("arguments", [["tokens", "list", "--secret-id", "x"], ["versions", "prune", "--stack", "x"]])
def test_without_a_region(arguments: list[str], aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    done = run(*arguments)
    assert done.code == 2
    assert done.err.endswith("You must specify a region: --region, AWS_REGION, or `region` in deploy.toml.\n")


def test_other_errors_in_a_line() -> None:
    assert explain(ValueError("Invalid\nendpoint: x")) == "ValueError: Invalid endpoint: x"
    assert explain(NoRegionError()).startswith("NoRegionError: You must specify a region: --region, ")
