import os

import pytest

from tests import leaks

_leaking: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    output = [text for _, text in report.sections]
    # What a failed assertion shows may hold a test's own secret; what the code wrote may not.
    if any(leaks.found_in(text) for text in output):
        _leaking.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _leaking:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for nodeid in sorted(set(_leaking)):
        terminalreporter.write_line(f"LEAKED a secret in its output: {nodeid}", red=True)


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own AWS account and settings out of every test."""
    ours = ("AWS_", "DATABASE_", "TOKENS_", "CLIENT_IP_", "POWERTOOLS_", "SNAPSHOT_", "TIME_ZONE", "PORT")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)
