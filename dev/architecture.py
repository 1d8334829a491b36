"""The floors of the function's modules, as the import-linter contract in pyproject.toml has them."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PACKAGE = _ROOT / "functions/stats"


def floors() -> str:
    """Return the floors from the top, with the purpose of each module, as a block of text in Markdown."""
    contracts = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["id"] == "functions"]
    lines = []
    for number, layer in zip(range(len(layers) - 1, -1, -1), layers, strict=True):
        for place, (name, purpose) in enumerate(_modules(layer.split(" | "))):
            lines.append(f"{'' if place else number:<2} {name:<20} {purpose}".rstrip() + "\n")
    return f"```text\n{''.join(lines)}```\n"


def _modules(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each module, and each folder with its modules, as its name and the first sentence of its docstring."""
    for name in names:
        folder = _PACKAGE / name
        if not folder.is_dir():
            yield f"{name}.py", _purpose(folder.with_suffix(".py"))
            continue
        yield f"{name}/", _purpose(folder / "__init__.py")
        for path in sorted(folder.glob("[!_]*.py")):
            yield f"  {path.name}", _purpose(path)


def _purpose(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n\n")[0].replace("\n", " ")
