"""The git hooks: quick ones for each commit, types for each push."""

from pathlib import Path

import yaml

CONFIG = yaml.safe_load((Path(__file__).parents[3] / ".pre-commit-config.yaml").read_text())


def test_types_are_checked_before_a_push_and_not_before_each_commit() -> None:
    hooks = {hook["id"]: hook.get("stages", CONFIG["default_stages"]) for hook in CONFIG["repos"][0]["hooks"]}
    assert hooks.pop("mypy") == ["pre-push"]
    assert set(map(tuple, hooks.values())) == {("pre-commit",)}
    assert CONFIG["default_install_hook_types"] == ["pre-commit", "pre-push"]
