"""What checks found, as lines and as JSON."""

import json

import pytest

from openl2m_stats.findings import Finding, State, as_dicts, print_findings, print_lines

FOUND = [("TLS", Finding("ok", "verified")), ("grants", Finding("warn", "one is missing", "Run `grants`."))]


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert not print_lines(FOUND)
    assert capsys.readouterr().out.splitlines() == [
        "ok    TLS              verified",
        "warn  grants           one is missing. Run `grants`.",
    ]


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warn", 0), ("skip", 0), ("FAIL", 1)])
@pytest.mark.parametrize("more", [None, {}])
def test_the_exit_code(state: State, code: int, more: dict[str, str] | None) -> None:
    assert print_findings("the stack", [*FOUND, ("last", Finding(state, "x")), *FOUND], more) == code


def test_json_has_what_was_noted_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    more: dict[str, int] = {}

    def look() -> object:
        more["alarms"] = 3
        yield from FOUND

    print_findings("the stack", look(), more)  # type: ignore[arg-type]
    assert json.loads(capsys.readouterr().out) == {"checked": "the stack", "alarms": 3, "findings": as_dicts(FOUND)}
    assert as_dicts(FOUND)[1] == {
        "name": "grants",
        "state": "warn",
        "seen": "one is missing",
        "advice": "Run `grants`.",
    }
