import os
from collections.abc import Generator

import pytest

from tests import leaks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail every test in whose output there is a secret, whatever else became of it."""
    report = yield
    if leaks.found_in("".join(text for _, text in report.sections)):
        report.outcome = "failed"
        report.longrepr = "LEAKED: the output of this test holds a secret"
    return report


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own AWS account and settings out of every test."""
    ours = ("AWS_", "DATABASE_", "TOKENS_", "CLIENT_IP_", "POWERTOOLS_", "SNAPSHOT_", "TIME_ZONE", "PORT")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "openl2m-stats")
