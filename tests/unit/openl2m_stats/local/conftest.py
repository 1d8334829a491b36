"""The local commands, run in this process as if it had just begun: they import the function under their settings."""

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from dev.servers.databases import Database
from tests.unit.openl2m_stats.conftest import Ended

Local = Callable[..., Ended]


def _take_modules() -> dict[str, object]:
    ours = [name for name in sys.modules if name.partition(".")[0] in {"stats", "openl2m_stats"}]
    logging.Logger.manager.loggerDict.pop("openl2m-stats", None)
    return {name: sys.modules.pop(name) for name in ours}


def _close(name: str, database: Callable[[object], object]) -> None:
    if name in sys.modules:
        database(sys.modules[name]).close()  # type: ignore[attr-defined]


@pytest.fixture
def fresh() -> Iterator[None]:
    """Let a test import the function and the command anew; what it sets in the process is undone."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = _take_modules()
    try:
        with patch.dict(os.environ), patch.object(gc, "freeze"):
            yield
    finally:
        with contextlib.suppress(AttributeError):  # where the start failed
            _close("stats.api", lambda api: api._app.database)  # type: ignore[attr-defined]
        with contextlib.suppress(AttributeError):
            _close("stats.schedule", lambda schedule: schedule._parts[0].database)  # type: ignore[attr-defined]
        _take_modules()
        sys.modules |= before  # type: ignore[arg-type]
        gc.enable()
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.fixture
def local(fresh: None, capsys: pytest.CaptureFixture[str]) -> Local:
    """Return a function that runs `openl2m-stats`, once in a test."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = importlib.import_module("openl2m_stats.cli").main(arguments)
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
def own_database(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database in DATABASE_URL: the demo takes half a second."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{sqlite_db.name}")
    return sqlite_db
