"""The operator's commands that run in SAM's environment, as processes, against moto."""

import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.awslambda.responses import LambdaResponse
from moto.core.exceptions import JsonRESTError
from moto.server import ThreadedMotoServer

from tests.support.lambda_versions import know_by_arn
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
    know_by_arn(monkeypatch)
    urlopen(Request(f"{moto_url}/moto-api/reset", method="POST")).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    upload()


class Functions:
    """The functions of a stack that is deployed, whose first version answers."""

    def __init__(self, url: str = "http://127.0.0.1:1", **given: Any) -> None:
        names = {f"{name}Name": {"Value": {"Ref": name}} for name in FUNCTIONS}
        deploy(outputs={"Url": {"Value": url}, **names}, **given)
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


def versions(*arguments: str, directory: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "openl2m_stats", "versions", *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/functions"}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def prune(*arguments: str) -> subprocess.CompletedProcess[str]:
    return versions("prune", "--stack", "openl2m-stats", *arguments)


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
    done = versions(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


class API(HTTPServer):
    """Answers in the place of the API, and notes the Authorization headers of its calls."""

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
        self.wfile.write(b'{"detail":"no"}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[API]:
    with API() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


ENVIRONMENT = """version = 0.1
[test.deploy.parameters]
stack_name = "openl2m-stats"
region = "us-east-1"
resolve_s3 = true
capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
[test.deploy.parameters.parameter_overrides]
TimeZone = "Europe/Berlin"
DatabaseSecretArn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:database-a1B2c3"
"""


class SAM:
    """A `sam` that does what a test wants, and a folder with deploy.toml in which the operator's commands run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.configure(ENVIRONMENT)
        self.answer()

    @property
    def file(self) -> Path:
        return self.directory / "deploy.toml"

    @property
    def calls(self) -> list[str]:
        path = self.directory / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def configure(self, text: str) -> None:
        self.file.write_text(text)

    def answer(self, *, does: str = "", exits: int = 0) -> None:
        calls = f'open("{self.directory}/calls", "a").write(" ".join(sys.argv[1:]) + "\\n")'
        script = f"#!{sys.executable}\nimport sys, boto3\n{calls}\n{does}\nsys.exit({exits})\n"
        (self.bin / "sam").write_text(script)
        (self.bin / "sam").chmod(0o755)

    def run(self, action: str, *arguments: str, env: str = "test", given: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "dev.build.deploy", action, "--env", env, *arguments],
            cwd=self.directory,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def sam(tmp_path: Path) -> SAM:
    return SAM(tmp_path)


def moving(functions: Iterable[str]) -> str:
    """Return what a `sam` does that moves the alias of functions to their second version."""
    return "".join(
        f"""
boto3.client("lambda").update_alias(FunctionName="{name}", Name="live", FunctionVersion="2")"""
        for name in functions
    )


ROLLBACK = "openl2m-stats versions rollback --env test --to {api} --snapshots-to {snapshots}"
SNAPSHOT = {"key": "snapshots/dt=2026-11-26/2026-11-26T12-00-00Z.json", "written": True}


@pytest.fixture(autouse=True)
def lambda_answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the snapshot function answers; moto runs no function without Docker. Invocations are noted in `invoked`."""
    answers: dict[str, Any] = {"payload": SNAPSHOT, "error": None, "invoked": []}

    def invoke(self: Any) -> tuple[int, dict[str, str], str]:
        name = self.path.rsplit("/", 2)[-2]
        answers["invoked"].append((name, self.querystring["Qualifier"][0], json.loads(self.body)))
        headers = {"x-amz-function-error": answers["error"]} if answers["error"] else {}
        return 200, headers, json.dumps(answers["payload"])

    monkeypatch.setattr(LambdaResponse, "invoke", invoke)
    return answers


def test_deployment_ends_with_a_call_a_snapshot_and_the_rollback(
    api: API, sam: SAM, lambda_answers: dict[str, Any]
) -> None:
    functions = Functions(api.url)
    functions.publish(1)
    sam.answer(does=moving(functions.names))

    done = sam.run("deploy")

    assert (done.returncode, done.stderr) == (0, "")
    options = "--no-fail-on-empty-changeset --s3-prefix openl2m-stats"
    assert sam.calls == [f"deploy --config-file {sam.file} --config-env test {options}"]
    call, snapshot, *rollback = done.stdout.splitlines()
    assert re.fullmatch(rf"{api.url} answers 401 to an unknown token, in [0-9,]+ ms: it reads the tokens\.", call)
    assert snapshot == f"A snapshot was taken, {SNAPSHOT['key']}: the database and the bucket can be reached."
    assert lambda_answers["invoked"] == [(functions.names[1], "live", {})]
    assert any(line.endswith(ROLLBACK.format(api=1, snapshots=1)) for line in rollback)


def test_smoke_call_sends_a_key_that_has_the_form_of_one_and_is_nobodys(api: API, sam: SAM) -> None:
    """Without one, or with a malformed one, the function refuses the call before it has read anything."""
    Functions(api.url)
    api.statuses = [503, 401]
    assert sam.run("deploy").returncode == 0
    first, second = api.authorization
    assert first != second
    for value in (first, second):
        assert re.fullmatch("Token [0-9a-f]{40}", value or "")


def test_deployment_whose_function_cannot_read_the_tokens_fails(api: API, sam: SAM) -> None:
    functions = Functions(api.url)
    functions.publish(1)
    api.statuses = [503]
    sam.answer(does=moving(functions.names))
    done = sam.run("deploy")
    assert done.returncode == 1
    assert f"{api.url} answers 503 to an unknown token, instead of 401. The function cannot read" in done.stderr
    assert ROLLBACK.format(api=1, snapshots=1) in done.stdout


@pytest.mark.parametrize(
    ("error", "payload", "words"),
    [
        ("Unhandled", {"errorMessage": "mysql error 1045"}, "No snapshot was taken: mysql error 1045."),
        ("Unhandled", {}, "No snapshot was taken: it crashed."),
    ],
)
def test_deployment_whose_snapshot_fails_fails(
    error: str, payload: Any, words: str, api: API, sam: SAM, lambda_answers: dict[str, Any]
) -> None:
    Functions(api.url)
    lambda_answers.update(error=error, payload=payload)
    done = sam.run("deploy")
    assert done.returncode == 1
    assert words in done.stderr
    assert "The stack stays as it was deployed. `make logs ENV=test` shows more." in done.stderr


def test_snapshot_function_that_may_not_be_invoked(api: API, sam: SAM, monkeypatch: pytest.MonkeyPatch) -> None:
    Functions(api.url)

    def invoke(*_: Any) -> None:
        raise JsonRESTError("AccessDeniedException", "not authorized to perform: lambda:InvokeFunction")

    monkeypatch.setattr(LambdaResponse, "invoke", invoke)
    done = sam.run("deploy")
    assert done.returncode == 1
    assert "No snapshot was taken: An error occurred (AccessDeniedException)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("key", "warns"), [("alias/aws/sns", True), ("alias/ours", False), ("", False)])
def test_topic_that_would_lose_the_alarms_is_warned_of(key: str, warns: bool, api: API, sam: SAM) -> None:
    sns: Any = boto3.client("sns")
    topic = sns.create_topic(Name="operators", Attributes={"KmsMasterKeyId": key} if key else {})["TopicArn"]
    Functions(api.url, AlarmTopicArn=topic)
    done = sam.run("deploy")
    assert done.returncode == 0
    assert (done.stderr == "") == (not warns)
    assert not warns or done.stderr.startswith(f"{topic} is encrypted with aws/sns, which CloudWatch may not use")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ApiEnabled": "false"}, "ApiEnabled=false refuses every call, so this does not show"),
        ({"ClientIpAllowed": "10.0.0.0/8"}, "ClientIpAllowed may refuse this machine's address, so this does not show"),
        ({"ClientIpDenied": "10.0.0.0/8"}, "ClientIpDenied may refuse this machine's address, so this does not show"),
    ],
)
def test_401_that_shows_nothing_is_said_to_show_nothing(given: dict[str, str], words: str, api: API, sam: SAM) -> None:
    Functions(api.url, **given)
    done = sam.run("deploy")
    assert done.returncode == 0
    assert words in done.stdout


KEY, OTHER_KEY = (f"arn:aws:kms:us-east-1:111122223333:key/{digit}" for digit in "ab")


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, False),  # SAM keeps what is not given
        ({"KmsKeyArn": KEY}, False),
        ({"KmsKeyArn": ""}, True),
        ({"KmsKeyArn": OTHER_KEY}, True),
        ({"KmsKeyArn": OTHER_KEY, "FormerKmsKeyArns": OTHER_KEY}, True),
        ({"KmsKeyArn": OTHER_KEY, "FormerKmsKeyArns": f"{OTHER_KEY},{KEY}"}, False),
        ({"KmsKeyArn": "", "FormerKmsKeyArns": KEY}, False),
    ],
)
def test_deployment_that_would_lock_the_snapshots_away_is_refused(
    given: dict[str, str], refused: bool, api: API, sam: SAM
) -> None:
    Functions(api.url, KmsKeyArn=KEY)
    sam.configure(ENVIRONMENT + "".join(f'{name} = "{value}"\n' for name, value in given.items()))
    done = sam.run("deploy")
    assert done.returncode == (2 if refused else 0)
    assert bool(sam.calls) != refused
    assert (f"{KEY} encrypts the snapshots so far: add it to FormerKmsKeyArns in [test." in done.stderr) == refused


def test_uploads_go_where_the_environment_says(api: API, sam: SAM) -> None:
    Functions(api.url)
    sam.configure(ENVIRONMENT.replace("resolve_s3 = true", 'resolve_s3 = true\ns3_prefix = "elsewhere"'))
    assert sam.run("deploy").returncode == 0
    assert "--s3-prefix" not in sam.calls[0]


def test_deployment_that_changes_nothing_needs_no_way_back(api: API, sam: SAM) -> None:
    Functions(api.url)
    done = sam.run("deploy")
    assert done.returncode == 0
    assert "rollback" not in done.stdout


def making(url: str) -> str:
    """Return what a `sam` does that deploys the stack for the first time."""
    return f"""
import os; os.chdir("{ROOT}"); sys.path[:0] = [".", "functions"]
from tests.template.test_commands import Functions; Functions("{url}")"""


def test_first_deployment_has_no_way_back(api: API, sam: SAM) -> None:
    sam.answer(does=making(api.url))
    done = sam.run("deploy")
    assert (done.returncode, done.stderr) == (0, "")
    assert "rollback" not in done.stdout


def test_failed_deployment_ends_there(api: API, sam: SAM, lambda_answers: dict[str, Any]) -> None:
    Functions(api.url)
    sam.answer(exits=3)
    done = sam.run("deploy")
    assert (done.returncode, done.stdout) == (3, "")
    assert api.authorization == lambda_answers["invoked"] == []


@pytest.mark.parametrize("status", [200, 500])
def test_api_that_does_not_refuse_an_unknown_token(status: int, api: API, sam: SAM) -> None:
    functions = Functions(api.url)
    functions.publish(1)
    api.statuses = [status]
    sam.answer(does=moving(functions.names[:1]))

    done = sam.run("deploy")

    assert done.returncode == 1
    assert f"{api.url} answers {status} to an unknown token, instead of 401. " in done.stderr
    assert ROLLBACK.format(api=1, snapshots=1) in done.stdout


def test_api_out_of_reach(sam: SAM) -> None:
    Functions("http://127.0.0.1:1/api/stats/")
    done = sam.run("deploy")
    assert done.returncode == 1
    assert "does not answer: Connection refused. Look at the domain's DNS record and certificate." in done.stderr
    assert "Traceback" not in done.stderr


def test_stack_that_cannot_be_read_after_the_deployment(sam: SAM) -> None:
    sam.configure(ENVIRONMENT.replace('"openl2m-stats"', '"nowhere"'))
    done = sam.run("deploy")
    assert done.returncode == 1
    assert done.stderr.startswith("The stack nowhere cannot be read. ")


GUIDED = """
open("deploy.toml", "a").write('[new.deploy.parameters]\\nstack_name = "openl2m-stats"\\nregion = "us-east-1"\\n')"""


@pytest.mark.parametrize("has", [ENVIRONMENT, None])
def test_guided_deployment_saves_a_new_environment(has: str | None, api: API, sam: SAM) -> None:
    if has is None:
        sam.file.unlink()
    sam.answer(does=GUIDED + making(api.url))

    done = sam.run("guided", env="new")

    assert (done.returncode, done.stderr) == (0, "")
    options = f"--config-file {sam.file} --config-env new --guided --no-fail-on-empty-changeset"
    assert sam.calls == [f"deploy {options} --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"]
    assert sam.file.read_text().startswith(has or "version = 0.1\n")


def test_guided_deployment_that_was_not_saved(sam: SAM) -> None:
    done = sam.run("guided", env="new")
    assert done.returncode == 2
    assert done.stderr == "deploy.toml has no table [new.deploy.parameters]. It has: test.\n"


def test_stack_is_deleted_when_its_name_was_typed(sam: SAM) -> None:
    done = sam.run("delete", given="openl2m-stats\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "deletes the stack openl2m-stats in us-east-1. The token secret and the snapshots are kept." in done.stdout
    assert '"Could not find and delete the S3 object" once: the functions share one.' in done.stdout
    options = "--no-prompts --stack-name openl2m-stats --region us-east-1"
    assert sam.calls == [f"delete --config-file {sam.file} --config-env test {options}"]


@pytest.mark.parametrize("given", ["", "\n", "y\n", "openl2m\n", "test\n"])
def test_nothing_is_deleted_without_the_name(given: str, sam: SAM) -> None:
    done = sam.run("delete", given=given)
    assert done.returncode == 2
    assert "Nothing was deleted." in done.stderr
    assert sam.calls == []


def test_logs_are_those_of_the_stack(sam: SAM) -> None:
    sam.configure(ENVIRONMENT + '[other.deploy.parameters]\nstack_name = "other"\nprofile = "team"\n')
    assert sam.run("logs", env="other").returncode == 0
    groups = ("/aws/lambda/other/stats", "/aws/lambda/other/snapshot", "/aws/vendedlogs/other/api")
    chosen = " ".join(f"--cw-log-group {group}" for group in groups)
    options = "--stack-name other --profile team"
    assert sam.calls == [f"logs --config-file {sam.file} --config-env other {options} {chosen} --tail"]


def test_versions_of_the_environments_stack_are_pruned(sam: SAM) -> None:
    functions = Functions()
    functions.publish(3)
    done = versions("prune", "--env", "test", "--keep", "1", "--dry-run", directory=sam.directory)
    assert done.stdout.count("would delete 2, 3, keeps 1, 4") == 2


TEMPLATE = """
Parameters: { TimeZone: { Type: String }, VpcSubnetIds: { Type: String } }
Resources: { Queue: { Type: AWS::SQS::Queue } }
"""


def test_real_sam_reads_the_environment(sam: SAM) -> None:
    sam.configure(
        ENVIRONMENT.replace("resolve_s3", "no_execute_changeset") + 'VpcSubnetIds = ["subnet-1", "subnet-2"]\n'
    )
    template = sam.directory / "template.yaml"
    template.write_text(TEMPLATE)
    program = Path(sys.executable).with_name("sam")
    command: list[str | Path] = [program, "deploy", "--config-file", sam.file, "--config-env", "test"]
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(
        [*command, "--template-file", template], env=environment, capture_output=True, text=True, check=False
    )
    assert re.search(r"Stack name +: openl2m-stats\n", done.stdout), done.stdout + done.stderr
    assert '"VpcSubnetIds": "subnet-1,subnet-2"' in done.stdout
    assert '"TimeZone": "Europe/Berlin"' in done.stdout


def make(*arguments: str, directory: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"--directory={directory}", f"--file={ROOT}/Makefile", *arguments]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["deploy", "delete", "logs", "prune-versions"])
def test_targets_have_no_default_environment(target: str) -> None:
    for given in (make("--dry-run", target, ENV="production"), make("--dry-run", target, "ENV=")):
        assert given.returncode == 2
        assert "python" not in given.stdout
        assert f"Name an environment of deploy.toml: make {target} ENV=production" in given.stderr
    assert '--env "$ENV"' in make("--dry-run", target, "ENV=production").stdout


def test_deployment_is_checked_before_it_is_built() -> None:
    lines = make("--dry-run", "deploy", "ENV=production").stdout
    assert lines.index("dev.build.deploy check") < lines.index("sam build") < lines.index("dev.build.deploy deploy")


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
    for name in (".venv-sam", ".venv-tools", "dev", "requirements"):
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
