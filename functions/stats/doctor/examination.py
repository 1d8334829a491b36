"""All checks of a function, one after the other, within the deadline of its invocation."""

import contextlib
from typing import Any

from stats import __version__
from stats.app import App
from stats.aws.secrets import SecretStore, Stage
from stats.base.deadline import Deadline
from stats.database.session import Database
from stats.doctor import database, stored
from stats.doctor.findings import Check, Known, find

_API = (stored.TOKENS, database.SECRET, *stored.READING, *database.CHECKS)
_SNAPSHOTS = (database.SECRET, *stored.READING, stored.WRITING, *database.CHECKS)


def examine_api(app: App, deadline: Deadline) -> dict[str, Any]:
    """Return what the API's function finds: see _examine()."""
    return _examine(_API, app, deadline)


def examine_snapshots(app: App, deadline: Deadline) -> dict[str, Any]:
    """Return what the snapshot function finds, whose role may write and may not read tokens: see _examine()."""
    return _examine(_SNAPSHOTS, app, deadline)


def _examine(checks: tuple[Check, ...], app: App, deadline: Deadline) -> dict[str, Any]:
    """Return `version`, and `findings`: a check's `name`, its `state`, what was `seen`, an error's `code` and `kind`.

    It ends by the deadline, changes nothing and raises nothing.
    """
    store = SecretStore()

    def read(deadline: Deadline, stage: Stage) -> str | bytes:
        current = stage == "AWSCURRENT"  # which was just read
        return known.secret if current else store.get(app.settings.database_secret_id, deadline, stage)

    known = Known(app, store, Database(app.settings, read))
    causes: dict[str, str] = {}
    findings: list[dict[str, str]] = []
    with contextlib.closing(known.database):
        for check in checks:
            if check.needs in causes:
                causes[check.name] = causes[check.needs]
                findings.append({"name": check.name, "state": "skip", "seen": f"{causes[check.needs]} failed"})
                continue
            finding = find(check, known, deadline)
            if finding.state in {"FAIL", "skip"}:
                causes[check.name] = check.name
            findings.append({"name": check.name, **{key: text for key, text in finding._asdict().items() if text}})
    return {"version": __version__, "findings": findings}
