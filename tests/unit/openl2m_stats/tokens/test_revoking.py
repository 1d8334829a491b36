"""`openl2m-stats tokens revoke` and `prune`."""

from tests.integration.conftest import AWS, Travel, token_record
from tests.support.tokens_command import Run, entries, run, text

__all__ = ["run"]  # a fixture


def test_pruning(aws: AWS, travel: Travel, run: Run) -> None:
    kept = [
        token_record("1" * 40, name="active"),
        {"name": "broken", "sha256": "x", "active": False},
        "text",
        token_record("2" * 40, name="ended", source="openl2m", active=False, revoked="2026-11-23T00:00:00Z"),
    ]
    gone = [
        token_record("3" * 40, name="expired", expires="2026-11-23T12:00:00Z"),
        token_record("4" * 40, name="off", active=False),
        token_record("5" * 40, name="deleted", source="openl2m", active=False),
    ]
    aws.put_tokens(gone[0], *kept, *gone[1:])
    before = text(aws)
    assert run("prune", "--dry-run").err == "Would remove: expired, off, deleted.\n"
    assert text(aws) == before
    assert run("prune").err == "Removed: expired, off, deleted.\n"
    assert entries(aws) == kept
    assert run("prune").err == "Removed: nothing.\n"
