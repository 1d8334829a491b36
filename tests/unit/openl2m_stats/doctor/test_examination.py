"""All checks in their order, over a file."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug import Request, Response

from dev.servers.databases import Database
from openl2m_stats.doctor.examination import examine
from openl2m_stats.doctor.findings import Finding
from openl2m_stats.doctor.setups import Setup
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, OF_DATABASE
from tests.support import leaks
from tests.support.wsgi import served
from tests.unit.openl2m_stats.doctor.conftest import check

Examine = Callable[..., dict[str, Finding]]


@pytest.fixture
def found(aws: AWS, sqlite_db: Database) -> Examine:
    """Return a function that examines a set-up that is well, but for some variables; it has no bucket."""
    aws.put_database(sqlite_db.secret())
    aws.new_token()
    variables = {"DATABASE_SECRET_ID": aws.database_secret, "TOKENS_SECRET_ID": aws.tokens_secret}

    def run(url: str | None = None, **changes: str) -> dict[str, Finding]:
        both = variables | changes
        setup = Setup("a set-up", {name: value for name, value in both.items() if value}, url=url)
        return dict(examine(setup, list))

    return run


def wrong(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.state for name, finding in findings.items() if finding.state not in {"ok", "skip"}}


def skipped(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.seen for name, finding in findings.items() if finding.state == "skip"}


def test_all_is_well(found: Examine) -> None:
    findings = found()
    assert (list(findings), wrong(findings), skipped(findings)) == (NAMES, {}, {})
    assert findings["settings"].seen == "answers are fresh for 60 s, served for 3600 s at most"
    assert findings["login"].seen.endswith(" ms")


def test_an_address_is_called_too(found: Examine) -> None:
    answer = Response('{"detail":"…"}', 401, content_type="application/json")
    with served(Request.application(lambda _: answer)) as url:
        findings = found(url)
    assert list(findings) == [*NAMES, "address"]
    assert wrong(findings) == {}


@pytest.mark.parametrize("secret", ["DATABASE_SECRET_ID", "TOKENS_SECRET_ID"])
def test_wrong_settings(secret: str, found: Examine) -> None:
    findings = found(**{secret: "", "TIME_ZONE": "Mars"})
    check(findings["settings"], "FAIL", f"{secret} is not set: it takes", "TIME_ZONE is wrong: it takes a zone")
    assert skipped(findings) == dict.fromkeys(NAMES[1:], "settings failed")


def test_the_api_is_switched_off(found: Examine) -> None:
    findings = found(API_ENABLED="false")
    assert wrong(findings) == {"settings": "warn"}
    check(findings["settings"], "warn", "API_ENABLED is false", "401")


@pytest.mark.parametrize(
    ("changes", "failed", "left_out"),
    [
        ({"dbname": "/nonexistent/x"}, "network", OF_DATABASE[1:]),
        ({"engine": "nonsense"}, "database secret", OF_DATABASE),
        ({"dbname": "{tmp}/other"}, "grants", OF_DATABASE[-3:]),
    ],
)
def test_what_depends_on_a_check_that_failed_is_left_out(
    changes: dict[str, str],
    failed: str,
    left_out: list[str],
    found: Examine,
    aws: AWS,
    sqlite_db: Database,
    tmp_path: Any,
) -> None:
    (tmp_path / "other").touch()  # an empty file is a database without tables
    aws.put_database(sqlite_db.secret(**{name: text.format(tmp=tmp_path) for name, text in changes.items()}))
    findings = found()
    assert wrong(findings)[failed] == "FAIL"
    assert skipped(findings) == dict.fromkeys(left_out, f"{failed} failed")
    assert findings["token secret"].state == "ok"
    assert not leaks.found_in(str(findings))


def test_an_error_of_the_database_is_a_finding_with_a_remedy(
    found: Examine, aws: AWS, sqlite_db: Database, tmp_path: Any
) -> None:
    (tmp_path / "other").write_text("nothing of the kind")
    aws.put_database(sqlite_db.secret(dbname=f"{tmp_path}/other"))
    findings = found()
    [failed] = {"login", "grants"} & {*wrong(findings)}  # some versions of SQLite look into the file earlier
    check(findings[failed], "FAIL", "SQLITE_NOTADB", "documentation")
