"""`openl2m-stats verify`: a deployed stack is used, and what does not work is told apart."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.core.exceptions import JsonRESTError
from moto.s3.responses import S3Response
from werkzeug import Request, Response

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.deployed.conftest import Operate
from tests.integration.deployed.stack import STACK, Stack
from tests.support import leaks
from tests.support.s3 import S3
from tests.support.wsgi import served

WITH_TOKEN = ["statistics", "304", "methods", "history", "compression", "earlier time", "metrics"]
WITHOUT_TOKEN = ["no token", "OPTIONS", "unknown path", "health", "page"]
NAMES = ["stack", "snapshot", "token secret", *WITHOUT_TOKEN, *WITH_TOKEN, "S3"]


@pytest.fixture
def key(aws: AWS) -> str:
    return aws.new_token()


@pytest.fixture
def stack(key: str, deployed: Stack) -> Stack:
    """A stack whose token secret has a token since before it was deployed."""
    return deployed


@pytest.fixture
def verify(operate_beside: Operate) -> Callable[..., tuple[int, dict[str, tuple[str, str]]]]:
    """Return a function that runs the command; it returns the exit code, and each check's state and text."""

    def run(*arguments: str, **variables: str) -> tuple[int, dict[str, tuple[str, str]]]:
        code, out, err = operate_beside("verify", "--json", *arguments, **variables)
        assert err == ""
        found = json.loads(out)["findings"]
        assert [each["name"] for each in found] == NAMES
        return code, {each["name"]: (each["state"], f"{each['seen']}. {each['advice']}") for each in found}

    return run


def states(found: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names of the checks in each state."""
    return {state: [name for name, (each, _) in found.items() if each == state] for state, _ in found.values()}


def test_all_is_well(stack: Stack, verify: Any, key: str, s3: S3) -> None:
    code, found = verify(OPENL2M_STATS_KEY=key)
    assert states(found) == {"ok": NAMES}
    assert code == 0
    assert found["statistics"][1].startswith("30 numbers, read ")
    assert found["history"][1].startswith("31 days, 1 with numbers, as JSON and CSV")
    assert found["compression"][1].startswith("gzip, ")
    assert not [name for name in s3.objects if "/verify/" in name]


def test_lines_for_people(stack: Stack, operate_beside: Operate, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"grafana\t{key}\n")
    code, out, _ = operate_beside("verify", "--key-file", str(file))
    heading, empty, *lines = out.splitlines()
    assert code == 0
    assert heading.startswith(f"Checking the stack {STACK} in us-east-1, http://127.0.0.1:")
    assert empty == ""
    assert [line[6:22].strip() for line in lines] == NAMES


def test_without_a_token(stack: Stack, verify: Any) -> None:
    code, found = verify()
    assert code == 0
    assert states(found)["skip"] == WITH_TOKEN
    assert found["history"][1].startswith("it needs a token: --key-file, or OPENL2M_STATS_KEY")


def test_read_only(stack: Stack, verify: Any, invoked: list[Any], s3: S3) -> None:
    code, found = verify("--read-only")
    assert code == 0
    assert states(found)["skip"] == ["snapshot", *WITH_TOKEN, "S3"]
    assert (invoked, s3.objects) == ([], {})


def test_it_reads_neither_the_token_secret_nor_the_database(run: Callable[..., Stack], verify: Any, aws: AWS) -> None:
    """Calls without a token and with a malformed one are refused unread, and look as if all were well."""
    run(aws.tokens_secret, aws.database_secret)
    code, found = verify()
    assert code == 1
    assert states(found)["FAIL"] == ["snapshot", "token secret", "health"]
    assert "answers 503 to an unknown token" in found["token secret"][1]
    assert "The function cannot read the token secret" in found["token secret"][1]
    assert found["no token"][0] == "ok"


def test_it_reads_the_token_secret_and_not_the_database(
    run: Callable[..., Stack], verify: Any, aws: AWS, key: str
) -> None:
    run(aws.database_secret)
    code, found = verify(OPENL2M_STATS_KEY=key)
    assert code == 1
    assert states(found)["FAIL"] == ["snapshot", "health", "statistics"]
    assert found["token secret"][0] == "ok"
    assert "GET /api/stats/ answers 503 instead of 200" in found["statistics"][1]
    assert found["history"] == ("skip", "statistics failed. ")


def test_it_reads_the_database_and_not_the_token_secret(run: Callable[..., Stack], verify: Any, aws: AWS) -> None:
    run(aws.tokens_secret)
    code, found = verify()
    assert code == 1
    assert states(found)["FAIL"] == ["token secret"]


def test_a_token_of_another_stack(stack: Stack, verify: Any) -> None:
    code, found = verify(OPENL2M_STATS_KEY=leaks.new_key())
    assert code == 1
    assert states(found)["FAIL"] == ["statistics"]
    assert "Is the token in this stack's token secret" in found["statistics"][1]


def test_a_statistic_is_missing(stack: Stack, verify: Any, key: str, sqlite_db: Database) -> None:
    sqlite_db.execute("DROP TABLE switches_vlan")
    code, found = verify(OPENL2M_STATS_KEY=key)
    assert code == 0
    assert states(found)["warn"] == ["statistics"]
    assert "without vlans. `openl2m-stats doctor` says why." in found["statistics"][1]


def test_a_stack_whose_rollback_failed(stack: Stack, verify: Any, key: str) -> None:
    stack.is_in("UPDATE_ROLLBACK_FAILED")
    code, found = verify(OPENL2M_STATS_KEY=key)
    assert code == 1
    assert states(found)["FAIL"] == ["stack"]


@pytest.fixture
def stand_in() -> Iterator[tuple[str, dict[str, Any]]]:
    """Something that answers instead of the API; `answer` says what."""
    answers: dict[str, Any] = {"answer": lambda _: Response('{"detail":"no"}', 401, {"WWW-Authenticate": "Token"})}

    def respond(request: Request) -> Response:
        found: Response = answers["answer"](request)
        return found

    with served(Request.application(respond)) as url:
        yield f"{url}/api/stats/", answers


CANNED = {"key": "snapshots/dt=2026-11-26/2026-11-26T12-00-00Z.json", "written": True}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ClientIpAllowed": "10.0.0.0/8"}, "ClientIpAllowed may refuse this machine's address"),
        ({"ApiEnabled": "false"}, "ApiEnabled=false refuses every call"),
    ],
)
def test_a_refusal_that_proves_nothing(
    given: dict[str, str],
    words: str,
    deploy: Callable[..., Stack],
    stand_in: tuple[str, Any],
    answer: Any,
    verify: Any,
) -> None:
    answer(lambda _: CANNED)
    deploy(stand_in[0], **given)
    _, found = verify("--read-only", OPENL2M_STATS_KEY=leaks.new_key())
    assert found["token secret"][0] == "warn"
    assert f"{words}, so this does not show that it can read the tokens" in found["token secret"][1]
    if "ApiEnabled" in given:
        assert states(found)["skip"] == ["snapshot", *WITHOUT_TOKEN, *WITH_TOKEN, "S3"]


def test_an_api_that_wants_a_certificate(deploy: Callable[..., Stack], answer: Any, verify: Any) -> None:
    answer(lambda _: CANNED)
    deploy(TruststoreUri="s3://truststores/clients.pem")
    code, found = verify()
    assert code == 0
    assert states(found)["skip"] == ["token secret", *WITHOUT_TOKEN, *WITH_TOKEN]


def test_something_else_answers(
    deploy: Callable[..., Stack], stand_in: tuple[str, dict[str, Any]], answer: Any, verify: Any
) -> None:
    url, answers = stand_in
    answers["answer"] = lambda _: Response("<html>Log in</html>", 200, content_type="text/html")
    answer(lambda _: CANNED)
    deploy(url)
    code, found = verify("--read-only")
    assert code == 1
    assert states(found)["FAIL"] == ["token secret", *WITHOUT_TOKEN]


def test_an_api_out_of_reach(deploy: Callable[..., Stack], answer: Any, verify: Any) -> None:
    answer(lambda _: CANNED)
    deploy()
    code, found = verify("--read-only")
    assert code == 1
    assert found["health"] == (
        "FAIL",
        "no answer: Connection refused. Look at the domain's DNS record and certificate.",
    )


def test_a_proxy_that_changes_the_answers(stack: Stack, verify: Any, key: str, aws: AWS, s3: S3) -> None:
    """It removes headers, drops the query, and compresses nothing."""
    [url] = [
        each["OutputValue"]
        for each in boto3.client("cloudformation").describe_stacks()["Stacks"][0]["Outputs"]
        if each["OutputKey"] == "Url"
    ]

    def forward(request: Request) -> Response:
        sent = {name: value for name, value in request.headers if name not in {"Accept-Encoding", "If-None-Match"}}
        to = url.removesuffix("/api/stats/") + request.path
        given = requests.request(request.method, to, headers=sent, timeout=10)
        kept = {"Content-Type", "WWW-Authenticate", "Allow", "ETag"} & set(given.headers)
        return Response(given.content, given.status_code, {name: given.headers[name] for name in kept})

    with served(Request.application(forward)) as proxy:
        stack.answers_at(f"{proxy}/api/stats/")
        code, found = verify(OPENL2M_STATS_KEY=key)
    assert code == 1
    assert "Does a proxy remove them?" in found["statistics"][1]
    assert states(found)["skip"] == WITH_TOKEN[1:]


@pytest.mark.parametrize("lost", ["IfNoneMatch", "IfMatch"])
def test_storage_that_ignores_a_condition(
    lost: str, stack: Stack, verify: Any, monkeypatch: pytest.MonkeyPatch, s3: S3
) -> None:
    header = {"IfNoneMatch": "If-None-Match", "IfMatch": "If-Match"}[lost]
    put = S3Response.put_object

    def forget(self: S3Response) -> Any:
        self.headers = {name: value for name, value in self.headers.items() if name.lower() != header.lower()}
        return put(self)

    monkeypatch.setattr(S3Response, "put_object", forget)
    code, found = verify()
    assert code == 1
    assert found["S3"][0] == "FAIL"
    assert "S3 carried out a write whose condition is false" in found["S3"][1]


def test_storage_that_cannot_be_written(stack: Stack, verify: Any, monkeypatch: pytest.MonkeyPatch, s3: S3) -> None:
    s3.fault = lambda call, _: 403 if "/verify/" in call.key else None
    code, found = verify()
    assert code == 1
    assert found["S3"][0] == "FAIL"
    assert "AccessDenied" in found["S3"][1]
    assert "s3:PutObject" in found["S3"][1]


def test_what_cannot_be_deleted_is_named(stack: Stack, verify: Any, s3: S3) -> None:
    s3.fault = lambda call, _: 403 if call.method == "DELETE" else None
    code, found = verify()
    assert code == 0
    assert found["S3"][0] == "warn"
    assert f"s3://{s3.bucket}/snapshots/verify/" in found["S3"][1]


def test_nothing_is_left_in_a_bucket_that_keeps_versions(stack: Stack, verify: Any, s3: S3) -> None:
    client: Any = boto3.client("s3")
    client.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert verify()[0] == 0
    found = client.list_object_versions(Bucket=s3.bucket, Prefix="snapshots/verify/")
    assert "Versions" not in found
    assert "DeleteMarkers" not in found


@pytest.mark.parametrize("text", ["hunter2", ""])
def test_a_key_that_is_not_one(text: str, operate: Operate, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    code, out, err = operate("verify", "--key-file", str(file))
    assert (code, out) == (2, "")
    assert err.startswith("The file of --key-file has no key")
    assert "hunter2" not in err


def test_a_snapshot_function_that_may_not_be_invoked(
    stack: Stack, verify: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.awslambda.responses import LambdaResponse

    def deny(*_: Any) -> None:
        raise JsonRESTError("AccessDeniedException", "not authorized to perform: lambda:InvokeFunction")

    monkeypatch.setattr(LambdaResponse, "invoke", deny)
    code, found = verify()
    assert code == 1
    assert "Your credentials need lambda:InvokeFunction." in found["snapshot"][1]
