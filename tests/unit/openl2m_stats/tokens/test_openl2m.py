"""OpenL2M's rows as entries of the registry, and what an import changes there."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from openl2m_stats.tokens import openl2m

KEY = "0123456789abcdef" * 2 + "01234567"
SHA256 = hashlib.sha256(KEY.encode()).hexdigest()
CREATED = datetime(2026, 11, 1, 10)  # noqa: DTZ001 MySQL's have no offset


def row(**fields: Any) -> tuple[Any, ...]:
    whole = {
        "number": 7,
        "key": KEY,
        "created": CREATED,
        "expires": None,
        "description": "",
        "allowed_ips": "",
        "username": "ann",
        "is_active": 1,
    }
    return tuple({**whole, **fields}.values())


def entry(**fields: Any) -> dict[str, Any]:
    return {
        "name": "openl2m-7-ann",
        "sha256": SHA256,
        "created": "2026-11-01T10:00:00Z",
        "expires": None,
        "allowed_ips": [],
        "active": True,
        "description": "",
        "source": "openl2m",
        **fields,
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, {}),
        ({"is_active": 0}, {"active": False}),
        ({"created": "2026-11-01 10:00:00"}, {}),
        ({"expires": datetime(2027, 1, 1, tzinfo=UTC)}, {"expires": "2027-01-01T00:00:00Z"}),
        ({"allowed_ips": "10.0.0.0/8, ::1"}, {"allowed_ips": ["10.0.0.0/8", "::1"]}),
    ],
)
def test_an_entry_for_a_row(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert openl2m.to_entries([row(**found)]) == ([entry(**expected)], [], [])


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "OpenL2M's database does not have its key"),
        ("", "OpenL2M's database does not have its key"),
        (KEY.upper(), "its key has capital letters"),
        (SHA256, "its key is not 40 lowercase hex digits"),
    ],
)
def test_a_row_without_a_usable_key_is_left_out_and_not_repeated(key: str | None, why: str) -> None:
    entries, [note], unreadable = openl2m.to_entries([row(key=key)])
    assert (entries, unreadable) == ([], [7])
    assert note.startswith(f"token 7 of ann is left out: {why}")
    assert not key or key not in note


def test_keys_of_inactive_users_do_not_matter() -> None:
    assert openl2m.to_entries([row(key=None, is_active=0)])[2] == []


def test_a_row_whose_times_cannot_be_read_is_left_out() -> None:
    assert openl2m.to_entries([row(expires="soon")]) == (
        [],
        ["token 7 of ann is left out: its times cannot be read"],
        [],
    )


@pytest.mark.parametrize(
    ("listed", "addresses", "unusable"),
    [
        ("10.0.0.0/8,nonsense", ["10.0.0.0/8"], "'nonsense'"),
        ("nonsense", ["nonsense"], "'nonsense'"),
        (",", ["", ""], "''"),
    ],
)
def test_a_list_without_a_usable_address_keeps_permitting_nobody(
    listed: str, addresses: list[str], unusable: str
) -> None:
    [found], [note], _ = openl2m.to_entries([row(allowed_ips=listed)])
    assert found["allowed_ips"] == addresses
    assert f"these allowed addresses cannot be read, and permit nobody: {unusable}" in note


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ([], [("added", "openl2m-7-ann")], [entry()]),
        ([entry(name="openl2m-7-anna")], [("unchanged", "openl2m-7-anna")], [entry(name="openl2m-7-anna")]),
        ([entry(sha256=SHA256.upper())], [("unchanged", "openl2m-7-ann")], [entry(sha256=SHA256.upper())]),
        (
            [entry(active=False, description="old")],
            [("changed", "openl2m-7-ann: active, description")],
            [entry()],
        ),
        (
            [entry(name="mine", source="cli")],
            [("kept", "openl2m-7-ann: it was created, revoked or rotated here")],
            [entry(name="mine", source="cli")],
        ),
        (
            [entry(active=False, revoked="2026-11-02T10:00:00Z")],
            [("kept", "openl2m-7-ann: it was created, revoked or rotated here")],
            [entry(active=False, revoked="2026-11-02T10:00:00Z")],
        ),
        *(
            (
                [{"name": "x", "sha256": SHA256.upper(), **fields}],
                [kept],
                [{"name": "x", "sha256": SHA256.upper(), **fields}],
            )
            for kept in [("kept", "openl2m-7-ann: it was created, revoked or rotated here")]
            for fields in ({}, {"active": False}, {"expires": "soon"})
        ),
    ],
)
def test_what_an_import_changes(before: list[Any], changes: list[openl2m.Change], after: list[Any]) -> None:
    assert openl2m.carry_over([entry()])(before) == changes
    assert before == after


def test_what_openl2m_no_longer_has_is_revoked_but_not_what_it_only_hides() -> None:
    deleted, hidden = entry(name="openl2m-8-bob", sha256="8" * 64), entry(name="openl2m-9-eve", sha256="9" * 64)
    entries = ["nonsense", deleted, hidden, entry(name="mine", sha256="a" * 64, source="cli")]
    assert openl2m.carry_over([], unreadable=[9])(entries) == [
        ("revoked", "openl2m-8-bob: OpenL2M no longer has it"),
        ("kept", "openl2m-9-eve: its key in OpenL2M can no longer be read"),
    ]
    assert [each["active"] for each in entries[1:] if isinstance(each, dict)] == [False, True, True]
