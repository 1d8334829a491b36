"""The table of log messages in docs/operate.md, which semantic versioning covers, against what the code logs."""

import ast
from collections.abc import Iterator

from tests.support.stack import ROOT

SECTION = (ROOT / "docs/operate.md").read_text().partition("\n## Log messages\n")[2].partition("\n## ")[0]
DOCUMENTED = {
    name for row in SECTION.splitlines() if row.startswith("| `") for name in row.split(" | ")[0].split("`")[1::2]
}
LOGS = {"info", "warning", "error", "report"}


def texts(node: ast.AST) -> Iterator[str]:
    yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def called(call: ast.Call) -> str:
    """Return the last name of what is called: `error` of `logger.error`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


TREES = [ast.parse(path.read_text()) for path in (ROOT / "functions/stats").rglob("*.py")]
CALLS = [node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
LOGGED = {
    call.args[0].value
    for call in CALLS
    if called(call) in LOGS and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
}


def test_every_message_that_is_logged_is_documented() -> None:
    assert {"refused", "database failed", "unforeseen"} <= LOGGED
    assert LOGGED <= DOCUMENTED


def test_every_documented_message_is_in_the_code() -> None:
    assert {text for tree in TREES for text in texts(tree)} >= DOCUMENTED
