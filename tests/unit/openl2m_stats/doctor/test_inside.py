"""What to do about a function's finding, by its check and its code."""

from typing import Any

import pytest

from openl2m_stats.deployed.invocation import InvocationError
from openl2m_stats.doctor import inside
from openl2m_stats.doctor.inside import look_inside


def advice(monkeypatch: pytest.MonkeyPatch, **finding: str) -> str:
    monkeypatch.setattr(inside, "invoke", lambda *_: {"version": "1.0.0", "findings": [{"seen": "x", **finding}]})
    [(_, found)] = look_inside(["function"])[0].findings
    return found.advice


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        ({"name": "token secret", "code": "AccessDeniedException"}, "role"),
        ({"name": "database secret", "code": "ConnectTimeoutError"}, "SecretsManagerEndpoint"),
        ({"name": "database secret", "code": "bad secret", "kind": "other"}, '"username"'),
        ({"name": "network", "code": "TimeoutError"}, "VpcSecurityGroupIds"),
        ({"name": "network", "code": "timeout", "kind": "cancelled"}, "security group"),
        ({"name": "TLS", "code": "certificate"}, "DatabaseCaFile"),
        ({"name": "login", "code": "28P01", "kind": "denied"}, "User name or password"),
        ({"name": "login", "code": "9999", "kind": "denied"}, "User name or password"),
        ({"name": "grants", "code": "42501", "kind": "forbidden"}, "openl2m-stats grants"),
        ({"name": "snapshot", "code": "AccessDenied"}, "FormerKmsKeyArns"),
        ({"name": "history", "code": "TimeoutError"}, "S3EndpointRouteTableIds"),
        ({"name": "history", "code": "malformed"}, "history rebuild"),
        ({"name": "writing", "code": "unconditional"}, "not behave like S3"),
        ({"name": "clock", "code": "skew"}, "Synchronize"),
        ({"name": "statement", "code": "unforeseen"}, "report it"),
        ({"name": "statement"}, "code is the database server's"),
    ],
)
def test_a_failure_has_advice(finding: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in advice(monkeypatch, state="FAIL", **finding)


@pytest.mark.parametrize("state", ["ok", "skip"])
def test_what_is_well_needs_none(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert advice(monkeypatch, state=state, name="login") == ""


@pytest.mark.parametrize("answer", [None, [], {}, {"findings": "no"}, {"statusCode": 400}])
def test_an_answer_without_findings_is_an_old_versions(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "invoke", lambda *_: answer)
    [(name, found)] = look_inside(["function"])[0].findings
    assert (name, found.state) == ("function", "warn")


def test_an_api_that_cannot_even_begin_is_not_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are wrong: it has no findings, and answers as it answers a caller."""
    monkeypatch.setattr(inside, "invoke", lambda *_: {"statusCode": 500, "body": "{}"})
    [(name, found)] = look_inside(["function"])[0].findings
    assert (name, found.state) == ("function", "FAIL")
    assert "make logs" in found.advice


def test_login_shows_that_the_database_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    for state, expected in (("ok", True), ("FAIL", False)):
        findings = [{"name": "login", "state": state, "seen": ""}]
        monkeypatch.setattr(inside, "invoke", lambda *_, found=findings: {"version": "1", "findings": found})
        assert look_inside(["function"])[0].reaches_database == expected


def test_a_function_that_fails_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def invoke(*_: object) -> None:
        raise InvocationError("it crashed", was_called=True)

    monkeypatch.setattr(inside, "invoke", invoke)
    [(_, found)] = look_inside(["function"])[0].findings
    assert found.state == "FAIL"
