"""The operator's command: what it makes of the registry, what it says, and what the API makes of that."""

import functools
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Container, Travel, token_record
from tests.support import leaks
from tests.support.databases import ROOT
from tests.support.tokens_command import Run, command, entries, run, text

__all__ = ["run"]  # a fixture

Start = Callable[..., Container]
DAY = 86400


@pytest.fixture(autouse=True)
def _database(aws: AWS, sqlite_db: Database) -> None:
    aws.put_database(sqlite_db.secret())


def test_tokens_from_their_making_to_their_end(aws: AWS, travel: Travel, new_container: Start) -> None:
    container = new_container()
    assert container.get(leaks.new_key()).status == 401  # and the secret has no value yet

    made = command("create", "grafana", "nagios", "--allowed-ips", "203.0.113.9/24,2001:db8::/32", "--description", "…")

    assert made.code == 0
    assert list(made.keys) == ["grafana", "nagios"]
    grafana, nagios = made.keys.values()
    assert not leaks.found_in(made.err)
    travel(10)
    assert [container.get(key).status for key in (grafana, nagios)] == [200, 200]
    assert container.get(grafana, client="198.51.100.1").status == 401

    assert command("revoke", "grafana").code == 0

    travel(69.9)
    assert container.get(grafana).status == 200
    travel(70)
    assert [container.get(key).status for key in (grafana, nagios)] == [401, 200]

    rotated = command("rotate", "nagios")

    assert rotated.code == 0
    travel(130)
    assert [container.get(key).status for key in (nagios, rotated.keys["nagios"])] == [401, 200]
    assert container.get(rotated.keys["nagios"], client="198.51.100.1").status == 401


def test_what_is_written(aws: AWS, travel: Travel, run: Run) -> None:
    key = run("create", "a b", "--expires", "90d", "--allowed-ips", "10.1.2.3/8", "--description", "the wall").keys[
        "a b"
    ]
    assert entries(aws) == [
        {
            "name": "a b",
            "sha256": hashlib.sha256(key.encode()).hexdigest(),
            "created": "2026-11-23T12:00:00.250000Z",
            "expires": "2027-02-21T12:00:00Z",
            "allowed_ips": ["10.0.0.0/8"],
            "active": True,
            "description": "the wall",
            "source": "cli",
        }
    ]


@pytest.mark.parametrize(
    ("expires", "written", "told"),
    [
        ("90d", "2027-02-21T12:00:00Z", "in 90 days"),
        ("36h", "2026-11-25T00:00:00Z", "in 1 day"),
        ("2h", "2026-11-23T14:00:00Z", "in 2 hours"),
        ("2026-11-24", "2026-11-24T00:00:00Z", "in 12 hours"),
        ("2027-01-01", "2027-01-01T00:00:00Z", "in 38 days"),
        ("never", None, "never"),
    ],
)
def test_expiry(expires: str, written: str | None, told: str, aws: AWS, travel: Travel, run: Run) -> None:
    made = run("create", "grafana", "--expires", expires)
    assert entries(aws)[0]["expires"] == written
    assert f"Expires: {told}.\n" in made.err
    assert f"  {told}  " in run("list").out


def test_a_token_expires(travel: Travel, new_container: Start, run: Run) -> None:
    key = run("create", "grafana", "--expires", "2026-11-24").keys["grafana"]
    container = new_container()
    travel(DAY / 2 - 1)
    assert container.get(key).status == 200
    travel(DAY / 2)
    assert container.get(key).status == 401


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "Missing command"),
        (("create",), "NAME"),
        (("create", "grafana", "--expires", "2026-11-23"), "that is in the past"),
        (("create", "grafana", "--expires", "0d"), "such as 24h or 90d"),
        (("create", "grafana", "--expires", "tomorrow"), "never"),
        (("create", "grafana", "--allowed-ips", ""), "networks separated by commas"),
        (("create", "grafana", "--allowed-ips", "10.0.0.0/8", "192.168.0.0/16"), "a NAME is a network: separate"),
        (("create", "grafana", "--allowed-ips", "10.0.0.1,", "2001:db8::1"), "networks separated by commas"),
        (("create", "grafana", "--allowed-ips", "10.0.0.0/8,nonsense"), "networks separated by commas"),
        (("create", " grafana"), "printable"),
        (("create", "graf\tana"), "printable"),
        (("create", ""), "printable"),
        (("create", "grafana", "grafana"), "twice"),
        (("create", "used"), "A token 'used' exists: take another name, or rotate it"),
        (("create", "new", "used"), "A token 'used' exists"),
        (("revoke", "grafana"), "There is no token 'grafana'"),
        (("revoke", "used", "grafana"), "There is no token 'grafana'"),
        (("rotate", "grafana"), "There is no active token 'grafana'"),
        (("rotate", "used", "--keep-old", "1w"), "such as 24h or 90d"),
        (("check", "--from", "here"), "an IP address"),
        (("import",), "--database-secret-id"),
        (("import", "--database-secret-id", "elsewhere"), "elsewhere: ResourceNotFoundException"),
        (("list", "--secret-id", ""), "TOKENS_SECRET_ID"),
        (("list", "--secret-id", "elsewhere"), "elsewhere: An error occurred (ResourceNotFoundException)"),
    ],
    ids=str,
)
def test_what_cannot_be_done(arguments: tuple[str, ...], problem: str, aws: AWS, travel: Travel, run: Run) -> None:
    aws.put_tokens(token_record(leaks.new_key(), name="used"))
    before = text(aws)
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err.splitlines()[-1]
    assert text(aws) == before


@pytest.mark.parametrize(
    "arguments",
    [
        *(["{}"], ["--key", "{}"], ["--key={}"], ["--{}"], ["-k{}"], ["Token", "{}"], ["Token {}"], ["list,{}"]),
        *(["check", "{}"], ["check", "--from", "{}"], ["create", "{}"], ["create", "Token {}"], ["create", "--{}"]),
        *(["create", "x", "--description", "{}"], ["create", "x", "--expires", "{}"], ["create", "x", "--x={}"]),
        *(
            ["revoke", "{}"],
            ["revoke", "Token {}"],
            ["rotate", "{}"],
            ["rotate", "x", "--keep-old={}"],
            ["prune", "{}"],
        ),
        *(["list", "{}"], ["list", "--json={}"], ["list", "--secret-id", "{}"], ["import", "--dry-run={}"]),
        ["import", "--database-secret-id", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("form", [str, str.upper], ids=["lower", "upper"])
def test_a_key_as_an_argument_is_not_repeated(
    form: Callable[[str], str], arguments: list[str], aws: AWS, run: Run
) -> None:
    key = leaks.remember(form(aws.new_token()))
    before = text(aws)
    result = run(*(argument.format(key) for argument in arguments))
    assert (result.code, result.out, text(aws)) == (2, "", before)
    assert "rotate it" in result.err.splitlines()[-1]
    assert not leaks.found_in(result.err)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["{}"], "no such command"),
        (["list", "--json={}"], "--json"),
        (["list", "--key={}"], "--key"),
        (["list", "-k{}"], "no such option"),
        (["list", "--{}"], "no such option"),
        (["list", "{}"], "too many arguments"),
        (["check", "--from", "{}"], "--from"),
    ],
    ids=str,
)
def test_what_is_nearly_a_key_is_not_repeated(arguments: list[str], problem: str, run: Run) -> None:
    nearly = leaks.remember(leaks.new_key()[:39])
    result = run(*(argument.format(nearly) for argument in arguments))
    assert (result.code, result.out) == (2, "")
    assert problem in result.err.splitlines()[-1]
    assert not leaks.found_in(result.err)


def test_names_are_free_again(aws: AWS, travel: Travel, run: Run) -> None:
    aws.put_tokens(
        token_record(leaks.new_key(), name="expired", expires="2026-11-23T12:00:00.250Z"),
        token_record(leaks.new_key(), name="off", active=False),
        token_record(leaks.new_key(), name="broken", expires="soon"),
        token_record(leaks.new_key(), name="revoked"),
    )
    assert run("revoke", "revoked").code == 0
    assert run("create", "expired", "off", "broken", "revoked").code == 0
    assert [entry["name"] for entry in entries(aws)] == ["expired", "off", "broken", "revoked"] * 2


def test_revoking_keeps_a_trace(aws: AWS, travel: Travel, run: Run) -> None:
    aws.put_tokens(token_record("0" * 40, name="grafana"), token_record("1" * 40, name="broken", expires="soon"))
    before = entries(aws)
    ended = {"active": False, "revoked": "2026-11-23T12:00:00.250000Z"}
    for seconds in (0, 60):  # the second time changes nothing
        travel(seconds)
        assert run("revoke", "grafana", "broken").code == 0
        assert entries(aws) == [entry | ended for entry in before]


def test_rotating_keeps_the_rest(aws: AWS, travel: Travel, run: Run) -> None:
    rest = {"allowed_ips": ["10.0.0.0/8"], "description": "the wall", "team": 7, "expires": "2026-12-23T12:00:00Z"}
    old = token_record(leaks.new_key(), name="grafana", **rest)
    aws.put_tokens(old)
    rotated = run("rotate", "grafana")
    key = rotated.keys["grafana"]
    instant = "2026-11-23T12:00:00.250000Z"
    assert entries(aws) == [
        old | {"active": False, "revoked": instant},
        token_record(key, name="grafana", **rest) | {"created": instant, "source": "cli"},
    ]
    assert "Expires: in 30 days." in rotated.err
    again = run("rotate", "grafana", "--expires", "never")
    assert entries(aws)[-1] == token_record(again.keys["grafana"], name="grafana", **rest) | {
        "created": instant,
        "source": "cli",
        "expires": None,
    }
    assert [entry.get("active") for entry in entries(aws)] == [False, False, None]


@pytest.mark.parametrize(("own", "hours"), [(None, 24), ("2026-11-23T14:00:00Z", 2), ("2027-01-01T00:00:00Z", 24)])
def test_the_old_key_works_for_a_while(
    own: str | None, hours: int, aws: AWS, travel: Travel, new_container: Start, run: Run
) -> None:
    old = aws.new_token(name="grafana", expires=own)
    new = run("rotate", "grafana", "--keep-old", "24h", "--expires", "never").keys["grafana"]
    container = new_container()
    travel(hours * 3600 - 1)
    assert [container.get(key).status for key in (old, new)] == [200, 200]
    travel(hours * 3600)
    assert [container.get(key).status for key in (old, new)] == [401, 200]


@pytest.mark.parametrize("end", ["revoke", "rotate"])
def test_a_name_with_two_keys(end: str, aws: AWS, travel: Travel, new_container: Start, run: Run) -> None:
    first = aws.new_token(name="grafana")
    second = run("rotate", "grafana", "--keep-old", "24h").keys["grafana"]
    travel(3600)
    third = run("rotate", "grafana", "--keep-old", "48h").keys["grafana"]
    container = new_container()
    assert [container.get(key).status for key in (first, second, third)] == [200, 200, 200]
    travel(DAY)
    assert [container.get(key).status for key in (first, second, third)] == [401, 200, 200]
    travel(7200)
    run(end, "grafana")
    assert [new_container().get(key).status for key in (first, second, third)] == [401, 401, 401]


def test_rotating_when_only_the_old_key_works(aws: AWS, travel: Travel, run: Run) -> None:
    aws.new_token(name="grafana")
    run("rotate", "grafana", "--keep-old", "24h", "--expires", "1h")
    travel(7200)
    assert run("rotate", "grafana").code == 0
    assert "revoked" not in entries(aws)[-1]


def test_pruning(aws: AWS, travel: Travel, run: Run) -> None:
    kept = [
        token_record("1" * 40, name="active"),
        {"name": "broken", "sha256": "x", "active": False},
        "text",
        token_record("2" * 40, name="ended", source="openl2m", active=False, revoked="2026-11-23T00:00:00Z"),
    ]
    gone = [
        token_record("3" * 40, name="expired", expires="2026-11-23T12:00:00Z"),
        token_record("4" * 40, name="off", active=False),
        token_record("5" * 40, name="deleted", source="openl2m", active=False),
    ]
    aws.put_tokens(gone[0], *kept, *gone[1:])
    before = text(aws)
    assert run("prune", "--dry-run").err == "Would remove: expired, off, deleted.\n"
    assert text(aws) == before
    assert run("prune").err == "Removed: expired, off, deleted.\n"
    assert entries(aws) == kept
    assert run("prune").err == "Removed: nothing.\n"


def test_listing(aws: AWS, travel: Travel, run: Run) -> None:
    hashes = {"sha256": "0" * 58 + "abcdef"}
    aws.put_tokens(
        {"name": "grafana", **hashes, "created": "2026-11-01T10:00:00Z", "source": "cli"},
        {"name": "nagios", **hashes, "expires": "2026-12-05T13:00:00Z", "allowed_ips": ["10.0.0.0/8", "::1"]},
        {"name": "old", **hashes, "expires": "2026-11-20T12:00:00Z", "allowed_ips": ["nonsense"]},
        {"name": "off", **hashes, "active": False, "source": "openl2m"},
        {"name": "bad", **hashes, "expires": "2026-12-05T13:00:00"},
        {"name": "e\x1b[2Jvil\n", "sha256": 7},
        "text",
    )
    assert [" ".join(line.split()) for line in run("list").out.splitlines()] == [
        "NAME CREATED EXPIRES NETWORKS STATE SOURCE",
        "grafana 2026-11-01 never any active cli",
        "nagios - in 12 days 10.0.0.0/8, active -",
        "::1",
        "old - 3 days ago nonsense expired -",
        "off - never any revoked openl2m",
        "bad - - any unusable -",
        r"'e\x1b[2Jvil\n' - - any unusable -",
        "- - - any unusable -",
        "",
        "old: none of its networks is usable, so no address may use it",
        "bad: expires is not an ISO 8601 time with an offset from UTC",
        r"'e\x1b[2Jvil\n': sha256 is not 64 hex digits",
        "-: not an object",
    ]
    told = json.loads(run("list", "--json").out)
    assert [record["state"] for record in told] == ["active", "active", "expired", "revoked", *["unusable"] * 3]
    assert told[1] == {
        "name": "nagios",
        "created": None,
        "expires": "2026-12-05T13:00:00Z",
        "allowed_ips": ["10.0.0.0/8", "::1"],
        "description": None,
        "source": None,
        "revoked": None,
        "state": "active",
        "problem": None,
        "sha256_ends": "abcdef",
    }


def test_what_the_function_logs_is_not_listed(aws: AWS) -> None:
    aws.put_tokens(token_record("1" * 40, allowed_ips=["nonsense"]))
    [told] = json.loads(command("list", "--json").out)
    assert (told["state"], told["problem"]) == ("unusable", "none of its networks is usable, so no address may use it")


def test_listing_nothing(run: Run) -> None:
    result = run("list")
    assert (result.code, result.out, result.err) == (
        0,
        "",
        "There are no tokens. `openl2m-stats tokens create` creates one.\n",
    )
    assert run("list", "--json").out == "[]\n"


@pytest.mark.parametrize(
    ("record", "address", "code", "told"),
    [
        ({}, None, 0, "accepted: token 'test', never expires, from any address"),
        ({"expires": "2026-11-25T12:00:00Z"}, None, 0, "accepted: token 'test', expires in 2 days, from any address"),
        ({"allowed_ips": ["10.0.0.9/8"]}, None, 0, "accepted: token 'test', never expires, from 10.0.0.0/8"),
        ({"allowed_ips": ["10.0.0.0/8"]}, "10.1.1.1", 0, "accepted: token 'test', never expires, from 10.0.0.0/8"),
        (
            {"allowed_ips": ["10.0.0.0/8"]},
            "203.0.113.7",
            1,
            "refused: token 'test' is not permitted from the client address",
        ),
        ({"allowed_ips": ["nonsense"]}, None, 1, "refused: token 'test' is not permitted from the client address"),
        ({"expires": "2026-11-23T12:00:00Z"}, None, 1, "refused: token 'test' has expired"),
        ({"active": False}, None, 1, "refused: token 'test' is not active"),
        (
            {"expires": "2027-01-01"},
            None,
            1,
            "refused: the entry of token 'test' is unusable: expires is not an ISO 8601 time with an offset from UTC",
        ),
        ({"sha256": "0" * 64}, None, 1, "refused: unknown token"),
    ],
    ids=str,
)
def test_checking(
    record: dict[str, Any], address: str | None, code: int, told: str, aws: AWS, travel: Travel, new_container: Start,
    run: Run
) -> None:  # fmt: skip
    key = aws.new_token(**record)
    result = run("check", *(["--from", address] if address else []), stdin=f"{key}\nmore")
    assert (result.code, result.out) == (code, f"{told}\n")
    assert ("CLIENT_IP_DENIED" in result.err) == (code == 0)
    client = address or ("10.1.1.1" if "allowed_ips" in record else "203.0.113.7")
    assert new_container().get(key, client=client).status == (200 if code == 0 else 401)


@pytest.mark.parametrize("given", ["", "x", "Ü" * 40, "A" * 40])
def test_checking_what_is_no_key(given: str, run: Run) -> None:
    result = run("check", stdin=given)
    assert (result.code, result.out) == (1, "refused: it is not 40 lowercase hex digits\n")


def test_checking_a_key_of_two_entries(aws: AWS, run: Run) -> None:
    key = leaks.new_key()
    aws.put_tokens(token_record(key, name="old", active=False), token_record(key, name="new"))
    assert run("check", stdin=key).out == "accepted: token 'new', never expires, from any address\n"


def test_checking_as_a_process(aws: AWS) -> None:
    key = aws.new_token()
    assert command("check", stdin=key).code == 0
    assert command("check", stdin=leaks.new_key()).code == 1


def test_no_key_but_where_it_is_made(aws: AWS, run: Run) -> None:
    key = run("create", "grafana").keys["grafana"]
    results = [run("rotate", "grafana", "--keep-old", "24h")]
    keys = {key, results[0].keys["grafana"]}
    results += [run("create", "grafana"), run("list"), run("list", "--json"), run("check", stdin=key)]
    results += [run("check", stdin=key.upper()), run("revoke", "grafana"), run("check", stdin=key), run("prune")]
    assert [result.code for result in results] == [0, 2, 0, 0, 0, 1, 0, 1, 0]
    said = "".join(result.err + result.out for result in results[1:]) + results[0].err
    versions = aws.client.list_secret_version_ids(SecretId=aws.tokens_secret, IncludeDeprecated=True)["Versions"]
    assert len(versions) == 4
    for version in versions:
        said += aws.client.get_secret_value(SecretId=aws.tokens_secret, VersionId=version["VersionId"])["SecretString"]
    assert leaks.found_in(results[0].out) <= keys
    assert not leaks.found_in(said)


def test_what_the_command_does_not_know_stays(aws: AWS, run: Run) -> None:
    odd: list[Any] = [token_record("1" * 40, name="a", more={"b": [1.5, None]}), None, [], {"sha256": 7}, {"name": "c"}]
    aws.put_registry(json.dumps({"version": "é", "tokens": odd, "zone": {"x": 1}}))
    assert run("create", "grafana").code == 0
    document = json.loads(text(aws))
    assert list(document) == ["version", "tokens", "zone"]
    assert (document["version"], document["zone"], document["tokens"][:-1]) == ("é", {"x": 1}, odd)


@pytest.mark.parametrize("registry", ["{", "[]", "null", "{}", '{"tokens": {}}', "[" * 60000], ids=lambda x: x[:20])
@pytest.mark.parametrize("arguments", [["list"], ["create", "grafana"], ["prune"]], ids=lambda x: x[0])
def test_what_is_no_registry_is_left_alone(registry: str, arguments: list[str], aws: AWS, run: Run) -> None:
    aws.put_registry(registry)
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("The token secret ")
    assert result.err.count("\n") == 1
    assert text(aws) == registry


def test_a_binary_registry(aws: AWS, run: Run) -> None:
    record = token_record(leaks.new_key(), name="old")
    aws.client.put_secret_value(SecretId=aws.tokens_secret, SecretBinary=json.dumps({"tokens": [record]}).encode())
    assert run("create", "new").code == 0
    assert [entry["name"] for entry in entries(aws)] == ["old", "new"]


def test_a_full_secret(aws: AWS, run: Run) -> None:
    record = {**token_record(leaks.new_key()), "active": False}
    frame = len(json.dumps({"tokens": [], "x": ""}, separators=(",", ":")))
    each = len(json.dumps(record, separators=(",", ":"))) + 1
    count = 400
    filler = 65_536 - frame - count * each + 1
    aws.put_registry(json.dumps({"tokens": [record] * count, "x": "x" * filler}))
    before = text(aws)
    full = run("create", "grafana")
    assert (full.code, full.out) == (2, "")
    assert "holds 65,536, which is about 399 tokens like these. `openl2m-stats tokens prune` removes" in full.err
    assert text(aws) == before
    assert run("prune").code == 0
    assert run("create", "grafana").code == 0


def test_a_secret_filled_to_the_last_byte(aws: AWS, travel: Travel, run: Run) -> None:
    run("create", "grafana")
    room = 65_536 - len(text(aws))
    assert run("create", "other", "--description", "x" * room).code == 2
    one = len(json.dumps(entries(aws)[0], separators=(",", ":"))) + 1 - len("grafana")
    assert run("create", "o", "--description", "x" * (room - one)).code == 2
    assert run("create", "o", "--description", "x" * (room - one - 1)).code == 0
    assert len(text(aws)) == 65_536


def test_names_that_the_output_cannot_show(aws: AWS) -> None:
    made = command("create", "Zürich", PYTHONIOENCODING="ascii")
    assert (made.code, list(made.keys)) == (0, [r"Z\xfcrich"])


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    variables = {**os.environ, "PYTHONPATH": "functions", "PYTHONUNBUFFERED": "", **options.pop("variables", {})}
    words = [sys.executable, "-m", "openl2m_stats", *arguments]
    return subprocess.Popen(words, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True, **options)


def closed_pipe(*arguments: str, lines: int) -> tuple[int, str]:
    """Return the exit code of a command whose output is read as far as some lines, and what it says on stderr."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as output:
        if not lines:
            output.close()
        process = start(*arguments, stdout=writing)
        os.close(writing)
        for _ in range(lines):
            output.readline()
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def test_a_closed_pipe_ends_quietly(aws: AWS) -> None:
    aws.put_tokens(*(token_record(leaks.new_key(), name=f"{number}") for number in range(300)))
    assert closed_pipe("tokens", "list", lines=1) in {(141, ""), (0, "")}  # all of it may fit into the pipe
    for arguments in (["tokens", "list"], ["tokens", "list", "--json"], ["grants", "--engine", "mysql"]):
        assert closed_pipe(*arguments, lines=0) == (141, "")


def test_a_new_key_that_nobody_reads(aws: AWS) -> None:
    for arguments, said in (
        (["create", "grafana"], "a new key is lost. Rotate: grafana."),
        (["rotate", "grafana"], "a new key is lost. Rotate: grafana."),
        (["create", "a", "b"], "new keys are lost. Rotate: a, b."),
    ):
        code = closed_pipe("tokens", *arguments, lines=0)
        assert code == (2, f"The output cannot be written (Broken pipe); {said}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tokens", "list"], "Interrupted. `openl2m-stats tokens list` shows what was done."),
        (["versions", "prune", "--stack", "x"], ""),
    ],
)
def test_ctrl_c(arguments: list[str], said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # Where the tests run in the background, their children would ignore the signal.
        interruptible = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
        variables = {"AWS_ENDPOINT_URL": url, "TOKENS_SECRET_ID": "x"}
        process = start(*arguments, variables=variables, preexec_fn=interruptible)
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            _, printed = process.communicate(timeout=60)
    assert (process.returncode, printed.strip()) == (130, said)


def test_output_that_cannot_be_written(aws: AWS) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "openl2m_stats", "tokens", "create", "grafana"],
            env={**os.environ, "PYTHONPATH": "functions", "PYTHONUNBUFFERED": ""},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 2
    assert process.stderr == (
        "The output cannot be written (No space left on device); a new key is lost. Rotate: grafana.\n"
    )
