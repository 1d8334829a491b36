"""What is logged and counted of failures."""

import json
import logging

import pytest

from stats.base.telemetry import logger, metrics, report, report_unforeseen
from tests.support import leaks


@pytest.fixture(autouse=True)
def _nothing_logged_yet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger.name)  # commands set it
    metrics.metric_set.clear()


def test_a_failure_is_logged_with_its_text_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    report("database failed", "DatabaseFailure", ValueError("1045: no"))
    assert [(each.getMessage(), vars(each)["error"]) for each in caplog.records] == [("database failed", "1045: no")]
    assert list(metrics.metric_set) == ["DatabaseFailure"]


@pytest.mark.parametrize("metric", [None, "Failure"])
def test_the_unforeseen_is_logged_without_its_text(metric: str | None, caplog: pytest.LogCaptureFixture) -> None:
    password = leaks.new_password()
    try:
        {"": ""}.pop(password)
    except KeyError as error:
        report_unforeseen(error, metric)
    [record] = caplog.records
    assert vars(record)["error"] == "KeyError"
    assert "test_telemetry" in vars(record)["trace"][0]
    assert password not in json.dumps(vars(record), default=str)
    assert list(metrics.metric_set) == ([metric] if metric else [])
