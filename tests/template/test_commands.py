"""The operator's commands that run in SAM's environment, as processes, against moto."""

import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.awslambda.models import LambdaVersion
from moto.awslambda.responses import LambdaResponse
from moto.server import ThreadedMotoServer

from tests.support.stack import ROOT
from tests.template.test_deployment import deploy, upload

CERTIFICATE = re.compile(r"-----BEGIN.*?-----END CERTIFICATE-----\n", re.DOTALL)
FUNCTIONS = ("StatsFunction", "SnapshotFunction")


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def account(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty account, in which a stack knows a version by its ARN, as CloudFormation does; moto gives it no id."""
    create = LambdaVersion.create_from_cloudformation_json

    def create_with_id(name: str, resource: Any, account: str, region: str, **more: Any) -> Any:
        made: Any = create(name, resource, account, region, **more)
        function = resource["Properties"]["FunctionName"]
        made.physical_resource_id = f"arn:aws:lambda:{region}:{account}:function:{function}:{made.version}"
        return made

    monkeypatch.setattr(LambdaVersion, "create_from_cloudformation_json", create_with_id)
    urlopen(Request(f"{moto_url}/moto-api/reset", method="POST")).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    upload()


class Functions:
    """The functions of a stack that is deployed, whose first version answers."""

    def __init__(self, url: str = "http://127.0.0.1:1") -> None:
        deploy(outputs={"Url": {"Value": url}})
        self.client: Any = boto3.client("lambda")
        cloudformation: Any = boto3.client("cloudformation")
        self.names = [
            cloudformation.describe_stack_resource(StackName="openl2m-stats", LogicalResourceId=name)[
                "StackResourceDetail"
            ]["PhysicalResourceId"]
            for name in FUNCTIONS
        ]
        for name in self.names:
            self.client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    def publish(self, count: int) -> None:
        for name in self.names:
            for number in range(count):
                self.client.update_function_configuration(FunctionName=name, Description=f"another {number}")
                self.client.publish_version(FunctionName=name)

    def point(self, version: str, **weights: float) -> None:
        """Move the alias of the API's function, in part to further versions."""
        routing = {"AdditionalVersionWeights": {name.removeprefix("v"): weight for name, weight in weights.items()}}
        self.client.update_alias(
            FunctionName=self.names[0], Name="live", FunctionVersion=version, RoutingConfig=routing
        )

    def versions(self) -> list[list[str]]:
        listed = [self.client.list_versions_by_function(FunctionName=name)["Versions"] for name in self.names]
        return [[version["Version"] for version in versions] for versions in listed]


def run(module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def prune(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("openl2m_stats", "versions", "prune", "--stack", "openl2m-stats", *arguments)


def test_old_versions_are_deleted() -> None:
    """The first is the one that the stack names; after the alias was moved by hand, nothing else keeps it."""
    functions = Functions()
    functions.publish(6)
    functions.point("7")

    done = prune("--keep", "2")

    assert (done.returncode, done.stderr) == (0, "")
    lines = [f"{name}: deleted 2, 3, 4, 5, keeps 1, 6, 7" for name in functions.names]
    assert sorted(done.stdout.splitlines()) == sorted(lines)
    assert functions.versions() == [["$LATEST", "1", "6", "7"]] * 2
    assert prune("--keep", "2").stdout.count("deleted nothing, keeps 1, 6, 7") == 2


def test_versions_in_use_are_kept() -> None:
    functions = Functions()
    functions.publish(6)
    functions.point("2", v4=0.1)
    functions.client.create_alias(FunctionName=functions.names[0], Name="trial", FunctionVersion="3")

    assert prune("--keep", "1").returncode == 0

    assert functions.versions() == [["$LATEST", "1", "2", "3", "4", "7"], ["$LATEST", "1", "7"]]


def test_three_are_kept_by_default() -> None:
    functions = Functions()
    functions.publish(6)
    assert prune().returncode == 0
    assert functions.versions() == [["$LATEST", "1", "5", "6", "7"]] * 2


def test_dry_run_deletes_nothing() -> None:
    functions = Functions()
    functions.publish(3)
    before = functions.versions()
    done = prune("--keep", "1", "--dry-run", "--region", "us-east-1")
    assert done.returncode == 0
    assert done.stdout.count("would delete 2, 3, keeps 1, 4") == 2
    assert functions.versions() == before


def paged(answer: Any, key: str) -> Any:
    """Return moto's answer in pages of two entries, as Lambda's is of fifty; moto itself has no pages."""

    def page(self: Any) -> Any:
        given = answer(self)
        found = json.loads(given[2] if isinstance(given, tuple) else given)
        start = int(self.querystring.get("Marker", ["0"])[0])
        more = {"NextMarker": str(start + 2)} if len(found[key]) > start + 2 else {}
        return json.dumps({key: found[key][start : start + 2], **more})

    return page


def test_more_than_fit_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Functions()
    functions.publish(6)
    for name in ("a", "b"):
        functions.client.create_alias(FunctionName=functions.names[0], Name=name, FunctionVersion="1")
    functions.client.create_alias(FunctionName=functions.names[0], Name="z", FunctionVersion="3")
    with monkeypatch.context() as context:
        for method, key in (("list_versions_by_function", "Versions"), ("list_aliases", "Aliases")):
            context.setattr(LambdaResponse, method, paged(getattr(LambdaResponse, method), key))
        assert prune("--keep", "1").returncode == 0
    assert functions.versions() == [["$LATEST", "1", "3", "7"], ["$LATEST", "1", "7"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prune", "--stack", "nowhere"], "The stack nowhere cannot be read. "),
        (["prune", "--stack", "nowhere", "--profile", "nobody"], "The config profile (nobody) could not be found"),
        (["prune", "--stack", "nowhere", "--keep", "0"], "--keep: it takes a number from 1 on"),
        (["prune"], "Name the stack: --env or --stack."),
        ([], "Missing command"),
    ],
)
def test_what_cannot_be_pruned(arguments: list[str], words: str) -> None:
    done = run("openl2m_stats", "versions", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


class API(HTTPServer):
    """What answers in the place of the API; it counts its calls, and notes their Authorization headers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.statuses = [401]
        self.authorization: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/stats/"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.authorization.append(self.headers.get("Authorization"))
        self.send_response(server.statuses[min(len(server.authorization), len(server.statuses)) - 1])
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[API]:
    with API() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def sam(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `make deploy`'s command with a `sam` that does what a test wants."""
    calls = tmp_path / "calls"

    def run_deploy(*arguments: str, does: str = "", exits: int = 0) -> subprocess.CompletedProcess[str]:
        script = f'#!{sys.executable}\nimport sys, boto3\nopen("{calls}", "a").write(" ".join(sys.argv[1:]))\n'
        (tmp_path / "sam").write_text(f"{script}{does}\nsys.exit({exits})\n")
        (tmp_path / "sam").chmod(0o755)
        done = run("dev.build.deploy", *arguments, PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert calls.read_text() == " ".join(["deploy", *arguments])
        return done

    return run_deploy


def test_deployment_ends_with_a_call_and_the_way_back(api: API, sam: Any) -> None:
    functions = Functions(api.url)
    functions.publish(1)
    stats, snapshot = functions.names
    moves = "".join(
        f"""
boto3.client("lambda").update_alias(FunctionName="{name}", Name="live", FunctionVersion="2")"""
        for name in functions.names
    )

    done = sam("--stack-name", "openl2m-stats", "--region", "us-east-1", does=moves)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{api.url} answers, and refuses a call without a token (401)." in done.stdout
    assert api.authorization == [None]
    for name in (stats, snapshot):
        command = f"aws lambda update-alias --function-name {name} --name live --function-version 1 --region us-east-1"
        assert f"  {command}\n" in done.stdout


def test_deployment_that_changes_nothing_needs_no_way_back(api: API, sam: Any) -> None:
    """The stack's name is that of samconfig.toml."""
    Functions(api.url)
    done = sam()
    assert done.returncode == 0
    assert "update-alias" not in done.stdout


def test_first_deployment_has_no_way_back(api: API, sam: Any) -> None:
    does = f"""
import os; os.chdir("{ROOT}"); sys.path[:0] = [".", "functions"]
from tests.template.test_commands import Functions; Functions("{api.url}")"""
    done = sam("--stack-name=openl2m-stats", does=does)
    assert (done.returncode, done.stderr) == (0, "")
    assert "update-alias" not in done.stdout


def test_failed_deployment_ends_there(api: API, sam: Any) -> None:
    Functions(api.url)
    done = sam(exits=3)
    assert (done.returncode, done.stdout) == (3, "")
    assert api.authorization == []


def test_api_that_answers_late_is_asked_again(api: API, sam: Any) -> None:
    Functions(api.url)
    api.statuses = [503, 401]
    assert sam().returncode == 0


@pytest.mark.parametrize("status", [200, 500])
def test_api_that_does_not_refuse_a_call_without_a_token(status: int, api: API, sam: Any) -> None:
    functions = Functions(api.url)
    functions.publish(1)
    api.statuses = [status]
    moves = (
        f'boto3.client("lambda").update_alias(FunctionName="{functions.names[0]}", Name="live", FunctionVersion="2")'
    )

    done = sam(does=moves)

    assert done.returncode == 1
    assert f"{api.url} should answer 401 to a call without a token, and does not: {status}." in done.stderr
    assert f"--function-name {functions.names[0]} --name live --function-version 1\n" in done.stdout
    assert functions.names[1] not in done.stdout


def test_api_out_of_reach(sam: Any) -> None:
    Functions("http://127.0.0.1:1/api/stats/")
    done = sam()
    assert done.returncode == 1
    assert "and does not: [Errno 111] Connection refused." in done.stderr
    assert "Traceback" not in done.stderr


def test_configuration_file_names_the_stack(api: API, sam: Any, tmp_path: Path) -> None:
    Functions(api.url)
    path = tmp_path / "deploy.toml"
    path.write_text('version = 0.1\n[test.deploy.parameters]\nstack_name = "openl2m-stats"\nregion = "us-east-1"\n')
    assert sam("--config-file", str(path), "--config-env", "test").returncode == 0
    done = sam_again(sam, "--config-file", str(path), "--config-env", "none", tmp_path=tmp_path)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr


def sam_again(sam: Any, *arguments: str, tmp_path: Path) -> Any:
    (tmp_path / "calls").unlink()
    return sam(*arguments)


def make(*arguments: str, directory: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"--directory={directory}", f"--file={ROOT}/Makefile", *arguments]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("deploy", "python -m dev.build.deploy --stack-name test"),
        ("delete", "sam delete --stack-name test"),
        ("logs", "--cw-log-group /aws/lambda/test/stats"),
        ("prune-versions", '.venv/bin/openl2m-stats versions prune --stack "test" --keep "3"'),
    ],
)
def test_targets_are_about_the_stack_that_is_named(target: str, command: str) -> None:
    assert command in make("--dry-run", target, "STACK=test").stdout


def test_versions_are_pruned_of_no_stack_but_one_that_is_named() -> None:
    done = make("prune-versions")
    assert done.returncode == 2
    assert "Name the stack: make prune-versions STACK=openl2m-stats" in done.stderr


@pytest.mark.parametrize("lacks", [None, "AmazonRootCA3"])
def test_certificates_are_fetched_with_those_of_rds_proxy(lacks: str | None, tmp_path: Path) -> None:
    """In the place of the two addresses stands the bundle of this repository, taken apart."""
    bundle = (ROOT / "layers/dependencies/rds-global-bundle.pem").read_text()
    published = tmp_path / "published"
    published.mkdir()
    mine = {}
    for number, certificate in enumerate(CERTIFICATE.findall(bundle)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=certificate)
        subject: Any = context.get_ca_certs()[0]["subject"]
        name = dict(pair for part in subject for pair in part)["commonName"]
        mine[name if "RDS" not in name else str(number)] = certificate
    amazon = {f"AmazonRootCA{number}": mine.pop(f"Amazon Root CA {number}") for number in range(1, 5)}
    amazon["SFSRootCAG2"] = mine.pop("Starfield Services Root Certificate Authority - G2")
    for name, text in {**amazon, "global-bundle": "".join(mine.values())}.items():
        (published / f"{name}.pem").write_text(text if name != lacks else amazon["AmazonRootCA1"])
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\nwhile [ "$1" != --output ]; do shift; done\ncp {published}/${{3##*/}} $2\n')
    curl.chmod(0o755)
    for name in (".venv-sam", "dev", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    target = tmp_path / "layers/dependencies/rds-global-bundle.pem"
    target.parent.mkdir(parents=True)
    target.write_text("as it was")

    done = make("update-rds-ca", directory=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")

    if lacks:
        assert done.returncode == 2
        assert "Amazon Root CA 3 is missing" in done.stderr
        assert target.read_text() == "as it was"
    else:
        assert done.returncode == 0, done.stderr
        assert sorted(CERTIFICATE.findall(target.read_text())) == sorted(CERTIFICATE.findall(bundle))
