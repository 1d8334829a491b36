"""Who gets in: the registry's rules, and how long a change to it takes to count."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Container, Travel, token_record
from tests.support import leaks

Start = Callable[..., Container]


@pytest.fixture(autouse=True)
def _database(aws: AWS, sqlite_db: Database) -> None:
    aws.put_database(sqlite_db.secret())


def reads(container: Container) -> list[str]:
    """Return a list that grows by the name of each call to Secrets Manager from now on."""
    calls: list[str] = []
    events = container.secrets_manager_events
    events.register(
        "before-send.secrets-manager.*", lambda event_name, **_: calls.append(event_name.rpartition(".")[2])
    )
    return calls


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({}, 200),
        ({"sha256_upper": True}, 200),
        ({"expires": None, "active": True, "allowed_ips": [], "description": "…", "source": "cli", "more": 1}, 200),
        ({"expires": "2026-11-23T12:00:00.250001Z"}, 200),
        ({"expires": "2026-11-23T12:00:00.250Z"}, 401),
        ({"expires": "2026-11-23T13:00:00.250+01:00"}, 401),
        ({"expires": "2026-11-23T13:00:00+00:59"}, 200),
        ({"active": False}, 401),
        ({"allowed_ips": ["203.0.113.0/24"]}, 200),
        ({"allowed_ips": ["10.0.0.0/8", "203.0.113.9/24"]}, 200),
        ({"allowed_ips": ["::ffff:203.0.113.7"]}, 200),
        ({"allowed_ips": ["nonsense", "203.0.113.7"]}, 200),
        ({"allowed_ips": [7, None, "203.0.113.7"]}, 200),
        ({"allowed_ips": ["10.0.0.0/8"]}, 401),
        ({"allowed_ips": ["::/0"]}, 401),
        ({"allowed_ips": ["nonsense"]}, 401),
        ({"allowed_ips": [" "]}, 401),
        ({"allowed_ips": [3405803783]}, 401),
        # Malformed entries open nothing.
        ({"allowed_ips": "203.0.113.0/24"}, 401),
        ({"allowed_ips": {"203.0.113.0/24": 1}}, 401),
        ({"expires": "2027-01-01T00:00:00"}, 401),
        ({"expires": "tomorrow"}, 401),
        ({"expires": 1893456000}, 401),
        ({"active": "true"}, 401),
        ({"active": 1}, 401),
        ({"active": None}, 401),
        ({"name": ""}, 401),
        ({"name": None}, 401),
        ({"name": 7}, 401),
        ({"sha256": ""}, 401),
        ({"sha256": None}, 401),
    ],
    ids=str,
)
def test_a_record(record: dict[str, Any], status: int, aws: AWS, travel: Travel, new_container: Start) -> None:
    key = leaks.new_key()
    whole = token_record(key)
    if record.pop("sha256_upper", False):
        whole["sha256"] = whole["sha256"].upper()
    aws.put_tokens(whole | record)
    assert new_container().get(key).status == status


@pytest.mark.parametrize(
    ("neighbour", "problem"),
    [
        (None, "not an object"),
        ("text", "not an object"),
        (7, "not an object"),
        ([], "not an object"),
        ({}, "no name"),
        ({"name": "bad"}, "sha256 is not 64 hex digits"),
        ({"name": "bad", "sha256": "x"}, "sha256 is not 64 hex digits"),
        ({"sha256": "0" * 64}, "no name"),
        ({"name": ""}, "no name"),
        ({"name": {}}, "no name"),
    ],
    ids=str,
)
def test_a_malformed_neighbour_changes_nothing(
    neighbour: Any, problem: str, aws: AWS, new_container: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    key = leaks.new_key()
    aws.put_tokens(neighbour, token_record(key), neighbour)
    container = new_container()
    assert container.get(key).status == 200
    assert container.get(leaks.new_key()).status == 401
    ignored = [(line["token"], line["problem"]) for line in logged(capsys) if line.get("message") == "token ignored"]
    named = isinstance(neighbour, dict) and neighbour.get("name") == "bad"
    assert ignored == [(name, problem) for name in (("bad", "bad") if named else ("number 1", "number 3"))]


def test_an_address_that_cannot_be_read_is_logged_with_its_token(
    aws: AWS, new_container: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    key = aws.new_token(name="grafana", allowed_ips=["nonsense", "203.0.113.7"])
    assert new_container().get(key).status == 200
    ignored = [line for line in logged(capsys) if line.get("message") == "allowed address ignored"]
    assert [(line["level"], line["token"]) for line in ignored] == [("WARNING", "grafana")]


def test_two_entries_with_one_hash(aws: AWS, new_container: Start) -> None:
    key = leaks.new_key()
    aws.put_tokens(token_record(key, name="old", active=False), token_record(key, name="new"))
    assert new_container().get(key).status == 200


@pytest.mark.parametrize(
    ("registry", "problem"),
    [
        (" ", "not JSON"),
        ("{", "not JSON"),
        ("[" * 60000, "not JSON"),
        ("[]", 'no list "tokens"'),
        ("null", 'no list "tokens"'),
        ("7", 'no list "tokens"'),
        ('"tokens"', 'no list "tokens"'),
        ("{}", 'no list "tokens"'),
        ('{"tokens": null}', 'no list "tokens"'),
        ('{"tokens": {}}', 'no list "tokens"'),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_registry(
    registry: str,
    problem: str,
    aws: AWS,
    travel: Travel,
    new_container: Start,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = aws.new_token()
    container = new_container()
    assert container.get(key).status == 200
    aws.put_registry(registry)
    travel(60)
    assert container.get(key).status == 200  # by the registry that was read before
    fresh = new_container().get(key)
    # The start has tried, and took some milliseconds of a clock that stands still here.
    assert (fresh.status, fresh.headers["Retry-After"]) == (503, "2")
    errors = {line["error"] for line in logged(capsys) if line.get("message") == "token registry not readable"}
    assert errors == {problem}


def test_an_empty_registry(aws: AWS, new_container: Start) -> None:
    aws.put_tokens()
    assert new_container().get(leaks.new_key()).status == 401


def test_a_secret_that_was_never_written(aws: AWS, new_container: Start) -> None:
    assert new_container().get(leaks.new_key()).status == 401


def test_a_secret_that_does_not_exist(aws: AWS, new_container: Start) -> None:
    assert new_container(TOKENS_SECRET_ID="elsewhere").get(leaks.new_key()).status == 503


def test_a_binary_registry(aws: AWS, new_container: Start) -> None:
    key = leaks.new_key()
    registry = json.dumps({"tokens": [token_record(key)]}).encode()
    aws.client.put_secret_value(SecretId=aws.tokens_secret, SecretBinary=registry)
    assert new_container().get(key).status == 200


@pytest.mark.parametrize(
    ("denied", "allowed", "own", "client", "status"),
    [
        ("", "", [], "203.0.113.7", 200),
        ("203.0.113.0/24", "", [], "203.0.113.7", 401),
        ("203.0.113.0/24", "", ["203.0.113.7"], "203.0.113.7", 401),
        ("203.0.113.0/24", "", [], "198.51.100.1", 200),
        ("203.0.113.7", "203.0.113.0/24", [], "203.0.113.7", 401),
        ("203.0.113.7", "203.0.113.0/24", [], "203.0.113.8", 200),
        ("", "10.0.0.0/8", [], "203.0.113.7", 401),
        ("", "10.0.0.0/8", ["203.0.113.7"], "203.0.113.7", 401),
        ("", "10.0.0.0/8", [], "10.1.1.1", 200),
        ("", "10.0.0.0/8", ["10.2.0.0/16"], "10.1.1.1", 401),
        ("", "10.0.0.0/8", [], "::ffff:10.1.1.1", 200),
        ("10.0.0.0/8", "", [], "::ffff:10.1.1.1", 401),
        ("", "2001:db8::/32", [], "2001:db8::1", 200),
        ("", "0.0.0.0/0", [], "2001:db8::1", 401),
        ("10.0.0.0/8", "", [], "unknown", 401),
        ("", "10.0.0.0/8", [], "", 401),
        ("", "", ["10.0.0.0/8"], "unknown", 401),
        ("", "", [], "unknown", 200),
    ],
)
def test_addresses(
    denied: str, allowed: str, own: list[str], client: str, status: int, aws: AWS, new_container: Start
) -> None:
    key = aws.new_token(allowed_ips=own)
    container = new_container(CLIENT_IP_DENIED=denied, CLIENT_IP_ALLOWED=allowed)
    assert container.get(key, client=client).status == status


def test_a_new_token_works_within_the_refresh_time(aws: AWS, travel: Travel, new_container: Start) -> None:
    old = aws.new_token()
    container = new_container()
    assert container.get(old).status == 200
    new = leaks.new_key()
    aws.put_tokens(token_record(old), token_record(new))
    travel(9.9)
    assert container.get(new).status == 401
    travel(10)
    assert container.get(new).status == 200
    assert container.get(old).status == 200


def test_unknown_keys_read_the_registry_at_most_every_refresh_time(
    aws: AWS, travel: Travel, new_container: Start
) -> None:
    known = aws.new_token()
    container = new_container()
    calls = reads(container)
    for tenths in range(300):  # three a request for 30 s
        travel(tenths / 10)
        container.get(leaks.new_key())
    assert calls == ["GetSecretValue"] * 2  # at 10 and 20 s; the start read it at 0
    container.get("x")
    assert container.get(known).status == 200
    assert calls == ["GetSecretValue"] * 2


def test_a_refresh_time_of_zero_reads_once_a_request(aws: AWS, travel: Travel, new_container: Start) -> None:
    aws.new_token()
    container = new_container(TOKENS_REFRESH_SECONDS=0)
    calls = reads(container)
    for second in (1, 2):
        travel(second)
        container.get(leaks.new_key())
        assert calls == ["GetSecretValue"] * second


def test_a_revoked_token_stops_within_the_ttl(aws: AWS, travel: Travel, new_container: Start) -> None:
    key = aws.new_token()
    container = new_container()
    assert container.get(key).status == 200
    aws.put_tokens()
    travel(59.9)
    assert container.get(key).status == 200
    travel(60)
    assert container.get(key).status == 401


def test_a_ttl_of_zero_reads_every_time(aws: AWS, travel: Travel, new_container: Start) -> None:
    key = aws.new_token()
    container = new_container(TOKENS_TTL_SECONDS=0)
    assert container.get(key).status == 200
    aws.put_tokens()
    assert container.get(key).status == 401


def test_a_known_token_reads_the_registry_once_a_ttl(aws: AWS, travel: Travel, new_container: Start) -> None:
    key = aws.new_token()
    container = new_container()
    calls = reads(container)
    for second in range(120):
        travel(second)
        assert container.get(key).status == 200
    assert calls == ["GetSecretValue"]  # at 60 s; the start read it at 0


def test_secrets_manager_away(
    aws: AWS, travel: Travel, new_container: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    key = aws.new_token()
    container = new_container(TOKENS_MAX_STALE_SECONDS=600, CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200
    aws.client.delete_secret(SecretId=aws.tokens_secret, RecoveryWindowInDays=7)
    travel(600)
    assert container.get(key).status == 200
    lines = logged(capsys)
    assert [line["error"] for line in lines if line.get("message") == "token registry not readable"] == [
        "InvalidRequestException"
    ]
    assert [line["RegistryFailure"] for line in lines if "RegistryFailure" in line] == [[1.0]]
    assert [line["RegistryStale"] for line in lines if "RegistryStale" in line] == [[1.0]]
    assert container.get(leaks.new_key()).status == 401
    travel(602)
    assert container.get(key).status == 503
    aws.client.restore_secret(SecretId=aws.tokens_secret)
    assert container.get(key).status == 503  # still left alone
    travel(605)
    assert container.get(key).status == 200


@pytest.mark.parametrize("text", ['{"tokens": [],}', "[]"], ids=["a comma too many", "no registry"])
def test_a_revoked_token_of_a_damaged_secret_stops_within_ten_minutes(
    text: str, aws: AWS, travel: Travel, new_container: Start
) -> None:
    """The good registry that is still in memory is used, but not for as long as stale statistics are."""
    key = aws.new_token()
    container = new_container()
    assert container.get(key).status == 200
    aws.client.put_secret_value(SecretId=aws.tokens_secret, SecretString=text)
    travel(600)
    assert container.get(key).status == 200
    travel(700)
    assert container.get(key).status == 503
    aws.put_tokens()
    travel(800)
    assert container.get(key).status == 401


def test_secrets_manager_away_is_not_tried_by_every_request(aws: AWS, travel: Travel, new_container: Start) -> None:
    aws.new_token()
    aws.client.delete_secret(SecretId=aws.tokens_secret, RecoveryWindowInDays=7)
    container = new_container()
    calls = reads(container)
    for tenths in range(100):
        travel(tenths / 10)
        answer = container.get(leaks.new_key())
        assert answer.status == 503
        assert 1 <= int(answer.headers["Retry-After"]) <= 8
    assert len(calls) == 3  # at about 1, 3 and 7 s; the start tried at 0


def test_a_registry_from_the_future_is_read_again(aws: AWS, travel: Travel, new_container: Start) -> None:
    key = aws.new_token()
    container = new_container()
    assert container.get(key).status == 200
    aws.put_tokens()
    travel(-3600)
    assert container.get(key).status == 401


@pytest.mark.parametrize(
    ("record", "variables", "reason"),
    [
        ({"expires": "2026-01-01T00:00:00Z"}, {}, "token 'grafana' has expired"),
        ({"active": False}, {}, "token 'grafana' is not active"),
        ({"allowed_ips": ["10.0.0.0/8"]}, {}, "token 'grafana' is not permitted from the client address"),
        ({}, {"CLIENT_IP_DENIED": "203.0.113.0/24"}, "client address is in CLIENT_IP_DENIED"),
        ({}, {"CLIENT_IP_ALLOWED": "10.0.0.0/8"}, "client address is not in CLIENT_IP_ALLOWED"),
        ({"sha256": "0" * 64}, {}, "unknown token"),
        (None, {}, "no well-formed token"),
    ],
    ids=repr,
)
def test_a_refusal_is_logged_with_its_reason(
    record: dict[str, Any] | None,
    variables: dict[str, str],
    reason: str,
    aws: AWS,
    travel: Travel,
    new_container: Start,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = None if record is None else aws.new_token(name="grafana", **record)
    new_container(**variables).get(key)
    lines = logged(capsys)
    (line,) = [line for line in lines if line.get("message") == "refused"]
    assert line["reason"] == reason
    assert line["client_address"] == "203.0.113.7"
    assert [line["Refused"] for line in lines if "Refused" in line] == [[1.0]]
