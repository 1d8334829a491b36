"""`openl2m-stats doctor`: its output and its exit code."""

import json
from collections.abc import Callable

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES
from tests.support import leaks
from tests.support.cloudformation import CloudFormation
from tests.unit.openl2m_stats.conftest import Run


@pytest.fixture
def well(aws: AWS, sqlite_db: Database) -> AWS:
    aws.put_database(sqlite_db.secret())
    aws.new_token()
    return aws


def test_a_line_a_check(well: AWS, run: Run) -> None:
    done = run("doctor")
    title, empty, *lines = done.out.splitlines()
    assert (done.code, done.err, empty) == (0, "", "")
    assert title == "Checking the set-up that this environment's variables describe."
    assert [(line[:5], line[6:22].rstrip()) for line in lines] == [("ok   ", name) for name in NAMES]
    well.put_tokens()
    warned = run("doctor")
    assert warned.code == 0
    assert "\nwarn  token secret     it has no tokens: every caller gets 401. Create a token. " in warned.out
    well.put_registry("{")
    failed = run("doctor")
    assert failed.code == 1
    assert "\nFAIL  token secret     " in failed.out


def test_json(well: AWS, run: Run) -> None:
    done = run("doctor", "--json")
    printed = json.loads(done.out)
    assert (done.code, printed["checked"]) == (0, "the set-up that this environment's variables describe")
    assert printed["findings"][0] == {
        "name": "settings",
        "state": "ok",
        "seen": "answers are fresh for 60 s, served for 3600 s at most",
        "advice": "",
    }
    assert [each["name"] for each in printed["findings"]] == NAMES
    well.put_registry("{")
    assert run("doctor", "--json").code == 1


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ([], {"DATABASE_URL": "oracle://user:{}@host/db"}, "DATABASE_URL has an unknown scheme"),
        ([], {}, "name what to check: --env or --stack"),
        (["--json"], {"SNAPSHOT_BUCKET": "{}"}, "name what to check: --env or --stack"),
        (["--what"], {}, "no such option: --what"),
        (["--stack"], {}, "Option '--stack' requires an argument."),
    ],
)
def test_usage(
    arguments: list[str], variables: dict[str, str], words: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text.format(leaks.new_password()))
    done = run("doctor", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err.splitlines()[-1]
    assert not leaks.found_in(done.err)


def test_the_shells_database_is_not_the_stacks(
    well: AWS,
    cloudformation: CloudFormation,
    function: Callable[..., str],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = function("stats", DATABASE_SECRET_ID=well.database_secret, TOKENS_SECRET_ID=well.tokens_secret)
    cloudformation.resources = {"StatsFunction": ("AWS::Lambda::Function", name)}
    monkeypatch.setenv("DATABASE_URL", "oracle://")
    done = run("doctor", "--stack", "openl2m-stats")
    assert (done.code, done.err) == (0, "")
    named = run("doctor", "--stack", "openl2m-stats", "--database-url", "oracle://")
    assert (named.code, named.out) == (2, "")
    assert named.err.startswith("DATABASE_URL has an unknown scheme")
