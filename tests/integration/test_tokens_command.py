"""The operator's command: what it makes of the registry, what it says, and what the API makes of that."""

import functools
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


def test_a_token_expires(travel: Travel, new_container: Start, run: Run) -> None:
    key = run("create", "grafana", "--expires", "2026-11-24").keys["grafana"]
    container = new_container()
    travel(DAY / 2 - 1)
    assert container.get(key).status == 200
    travel(DAY / 2)
    assert container.get(key).status == 401


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


def test_what_the_function_logs_is_not_listed(aws: AWS) -> None:
    aws.put_tokens(token_record("1" * 40, allowed_ips=["nonsense"]))
    [told] = json.loads(command("list", "--json").out)
    assert (told["state"], told["problem"]) == ("unusable", "none of its networks is usable, so no address may use it")


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
    for arguments in (["tokens", "list"], ["grants", "--engine", "mysql"]):
        assert closed_pipe(*arguments, lines=0) == (141, "")


def test_a_new_key_that_nobody_reads(aws: AWS) -> None:
    for arguments, said in (
        (["create", "grafana"], "a new key is lost. Rotate: grafana."),
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
