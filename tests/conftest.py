import os
import tempfile
import zoneinfo
from collections import Counter
from collections.abc import Generator

import pytest

from dev.servers.processes import DATA_FOLDER
from dev.servers.programs import ServerNotChosenError, ServerNotInstalledError
from tests.support import leaks

_NOT_TESTED = "not tested: "
_HOW_TO_INSTALL = """\
On Debian, `make test` and `make e2e` install what is missing when root runs them. Elsewhere, install the servers as
your system does; their programs must be on PATH, or in the folders that STATS_TEST_SERVERS_PATH names."""


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of the run, and those that they start, copy the servers' empty data from one folder.

    And let them take time zones from the pinned tzdata, as the functions do: the system's may be older.
    """
    os.environ["PYTHONTZPATH"] = ""
    zoneinfo.reset_tzpath(())
    if DATA_FOLDER not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="openl2m-stats-data-")
        os.environ[DATA_FOLDER] = folder.name
        config.add_cleanup(folder.cleanup)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip every test whose database server is absent; fail every test in whose output there is a secret."""
    report = yield
    skipped = (ServerNotChosenError,) if os.environ.get("CI") else (ServerNotChosenError, ServerNotInstalledError)
    if call.excinfo and isinstance(call.excinfo.value, skipped):
        report.outcome = "skipped"
        report.longrepr = (__file__, 1, f"{_NOT_TESTED}{call.excinfo.value}")
    if leaks.found_in("".join(text for _, text in report.sections)):
        report.outcome = "failed"
        report.longrepr = "LEAKED: the output of this test holds a secret"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Tell last which engines were not tested, how many tests that left out, and what to do about it."""
    yield
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    left_out = Counter(reason for reason in reasons if reason.startswith(_NOT_TESTED))
    if left_out:
        terminalreporter.section("not tested")
        for reason, tests in sorted(left_out.items()):
            terminalreporter.line(f"{reason.removeprefix(_NOT_TESTED)}; tests left out: {tests}")
    if any("not installed" in reason for reason in left_out):
        terminalreporter.line(_HOW_TO_INSTALL)


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own AWS account and settings out of every test."""
    ours = ("AWS_", "DATABASE_", "TOKENS_", "CLIENT_IP_", "POWERTOOLS_", "SNAPSHOT_", "TIME_ZONE", "PORT")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "openl2m-stats")
    # A driver that may use TLS reads all that the system trusts for each connection, which takes longer than the rest.
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
