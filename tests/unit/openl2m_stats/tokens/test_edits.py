"""What the commands do to the registry's entries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openl2m_stats.tokens import edits
from openl2m_stats.tokens.registry import RegistryError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_TEXT = "2026-11-23T12:00:00Z"
OLD, NEW = "a" * 64, "b" * 64


def entry(**fields: Any) -> dict[str, Any]:
    return {"name": "grafana", "sha256": OLD, **fields}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (entry(), "active"),
        (entry(expires="2026-11-23T12:00:01Z"), "active"),
        (entry(expires=NOW_TEXT), "expired"),
        (entry(active=False, expires=NOW_TEXT), "revoked"),
        (entry(sha256="abc"), "unusable"),
        ("nonsense", "unusable"),
    ],
)
def test_states(found: Any, state: str) -> None:
    assert edits.state(found, NOW) == state


def test_creating_keeps_other_entries_and_repeats_nothing() -> None:
    entries: list[Any] = ["nonsense", entry(active=False)]
    create = edits.create({"grafana": NEW}, {"source": "cli"}, NOW)
    created = {"name": "grafana", "sha256": NEW, "created": NOW_TEXT, "source": "cli"}
    for _ in range(2):  # the first answer may have been lost
        create(entries)
        assert entries == ["nonsense", entry(active=False), created]


def test_an_active_name_is_refused() -> None:
    with pytest.raises(RegistryError, match="A token 'grafana' exists: take another name, or rotate it"):
        edits.create({"grafana": NEW}, {}, NOW)([entry()])


def test_revoking_ends_every_entry_of_a_name_once() -> None:
    entries = [entry(), entry(sha256=NEW), entry(name="other"), entry(expires="soon")]
    edits.revoke(["grafana"], NOW)(entries)
    edits.revoke(["grafana"], NOW + timedelta(days=1))(entries)
    ended = {"active": False, "revoked": NOW_TEXT}
    revoked = [entry(**ended), entry(sha256=NEW, **ended), entry(name="other"), entry(expires="soon", **ended)]
    assert entries == revoked


def test_revoking_an_unknown_name_is_refused() -> None:
    with pytest.raises(RegistryError, match="There is no token 'nagios'"):
        edits.revoke(["nagios"], NOW)([entry()])


def test_rotating_ends_the_old_key_at_once() -> None:
    entries = [entry(description="d", source="openl2m")]
    rotate = edits.rotate("grafana", NEW, {"expires": None}, None, NOW)
    new = rotate(entries)
    assert entries[0] == entry(description="d", source="openl2m", active=False, revoked=NOW_TEXT)
    assert new == entries[1] == entry(sha256=NEW, description="d", source="cli", created=NOW_TEXT, expires=None)
    assert rotate(entries) == new  # the first answer may have been lost
    assert len(entries) == 2


@pytest.mark.parametrize(
    ("expires", "until"),
    [
        (None, "2026-11-24T12:00:00Z"),
        ("2026-11-23T13:00:00Z", "2026-11-23T13:00:00Z"),
        ("2027-01-01T00:00:00Z", "2026-11-24T12:00:00Z"),
    ],
)
def test_the_old_key_is_kept_for_a_while_and_no_longer_than_it_was_to_last(expires: str | None, until: str) -> None:
    entries = [entry(expires=expires)]
    edits.rotate("grafana", NEW, {}, timedelta(hours=24), NOW)(entries)
    assert entries[0] == entry(expires=until, revoked=NOW_TEXT)
    assert edits.state(entries[0], NOW) == "active"
    assert "revoked" not in entries[1]


def test_only_active_tokens_can_be_rotated() -> None:
    with pytest.raises(RegistryError, match="There is no active token 'grafana'"):
        edits.rotate("grafana", NEW, {}, None, NOW)([entry(active=False)])


def test_pruning_keeps_what_the_next_import_would_let_in_again() -> None:
    ended = {"active": False, "revoked": NOW_TEXT}
    stays = [entry(), entry(name="kept", source="openl2m", **ended), "nonsense"]
    entries = [
        *stays,
        entry(name="revoked", **ended),
        entry(name="expired", expires=NOW_TEXT),
        entry(name="gone", source="openl2m", active=False),
    ]
    assert edits.prune(NOW)(entries) == ["revoked", "expired", "gone"]
    assert entries == stays
