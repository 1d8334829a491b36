"""`make check-openl2m SOURCE=…`: compare a checkout of OpenL2M with what this project relies on.

It parses the checkout's Python files, and runs none of them.

usage: python -m dev.openl2m SOURCE
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stats.numbers import catalogue
from stats.numbers.catalogue import STATISTICS, Counter

_ROOT = Path(__file__).parents[1]
_LOG = "switches_log"
# OpenL2M's constants for log rows, and the values that the catalogue has for them.
_CONSTANTS = {
    "LOG_TYPE_VIEW": catalogue.VIEW,
    "LOG_TYPE_CHANGE": catalogue.CHANGE,
    "LOG_TYPE_COMMAND": catalogue.COMMAND,
    "LOG_TYPE_LOGIN_OUT": catalogue.LOGIN,
    "LOG_LOGIN_REST_API": catalogue.API_CALL,
}
_RELATIONS = {"ForeignKey", "OneToOneField"}
_KEY_DIGITS = 40


@dataclass
class _Checkout:
    """The definitions in a checkout."""

    classes: dict[str, list[tuple[str, ast.ClassDef]]] = field(default_factory=dict)  # by name, with their apps
    constants: dict[str, object] = field(default_factory=dict)  # numbers and texts of modules called constants
    counters: set[str] = field(default_factory=set)  # texts in the app `counters`
    key_maker: ast.FunctionDef | None = None


def problems(source: Path) -> list[str]:
    """Return what in a checkout differs from what this project relies on. Raise ValueError when it is not one."""
    checkout = _read(source)
    tables = dict(_tables(checkout))
    if not tables:
        raise ValueError(f"{source} is not a checkout of OpenL2M: no Django models are there")
    return [
        *_columns(tables),
        *_constants(checkout.constants),
        *_counters(checkout.counters),
        *_token_format(tables, checkout.key_maker),
    ]


def _read(source: Path) -> _Checkout:
    found = _Checkout()
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).parts
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # such as a template of a file
        is_models = "models" in {path.stem, *parts[-2:-1]}
        app = parts[-3] if path.parent.name == "models" else path.parent.name
        if "counters" in parts:
            texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            found.counters |= {text for text in texts if isinstance(text, str)}
        for node in ast.walk(tree) if is_models else tree.body:
            match node:
                case ast.ClassDef() if is_models:
                    found.classes.setdefault(node.name, []).append((app, node))
                case ast.FunctionDef(name="generate_key") if app == "users":
                    found.key_maker = node
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                    if path.stem == "constants":
                        found.constants[name] = value
    return found


_Columns = dict[str, ast.Call | None]


def _tables(checkout: _Checkout) -> Iterator[tuple[str, _Columns]]:
    """Yield each model's table, and its columns with the calls that define them."""
    for name, definitions in checkout.classes.items():
        for app, definition in definitions:
            columns = _fields(definition, checkout)
            if not columns:
                continue
            if not any(_argument(call, "primary_key", False) for call in columns.values()):
                columns = {"id": None, **columns}
            yield _of_meta(definition, "db_table") or f"{app}_{name.lower()}", columns


def _fields(definition: ast.ClassDef, checkout: _Checkout) -> _Columns:
    columns: _Columns = {}
    for base in definition.bases:
        for _app, inherited in checkout.classes.get(_last_name(base), []):
            columns |= _fields(inherited, checkout) if inherited is not definition else {}
    for node in definition.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as call):
                pass
            case _:
                continue
        kind = _last_name(call.func)
        if kind in _RELATIONS or (kind.endswith("Field") and kind != "ManyToManyField"):
            column = _argument(call, "db_column", f"{name}_id" if kind in _RELATIONS else name)
            columns[str(column)] = call
    return columns


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _argument(call: ast.Call | None, name: str, otherwise: object) -> object:
    values = [keyword.value for keyword in call.keywords if keyword.arg == name] if call else []
    return values[0].value if values and isinstance(values[0], ast.Constant) else otherwise


def _of_meta(definition: ast.ClassDef, name: str) -> str | None:
    metas = [node for node in definition.body if isinstance(node, ast.ClassDef) and node.name == "Meta"]
    for node in (node for meta in metas for node in meta.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=str() as value)) if found == name:
                return value
    return None


def _needed() -> dict[str, tuple[str, ...]]:
    """Return the columns that the statistics and the import of tokens read."""
    script = (_ROOT / "infra/database/token_import_user.postgresql.sql").read_text()
    [columns] = re.findall(r"GRANT SELECT \(([^)]*)\) ON (?:[^ ]*\.)?users_token", script)
    return {**catalogue.columns(), "users_token": tuple(columns.split(", "))}


def _columns(tables: Mapping[str, _Columns]) -> Iterator[str]:
    for table, columns in _needed().items():
        if table not in tables:
            yield f"there is no model for the table {table}"
            continue
        for column in columns:
            if column not in tables[table]:
                yield f"the table {table} has no column {column}"


def _constants(constants: Mapping[str, object]) -> Iterator[str]:
    for name, value in _CONSTANTS.items():
        if constants.get(name) != value:
            yield f"{name} is {constants.get(name, 'not there')}, and not {value}: the log rows of this kind have moved"


def _counters(names: set[str]) -> Iterator[str]:
    for statistic in STATISTICS:
        if isinstance(statistic.measure, Counter) and statistic.measure.name not in names:
            yield f"there is no counter {statistic.measure.name!r}, which {statistic.key} shows"


def _token_format(tables: Mapping[str, _Columns], maker: ast.FunctionDef | None) -> Iterator[str]:
    key = tables.get("users_token", {}).get("key")
    length = _argument(key, "max_length", None)
    if length != _KEY_DIGITS:
        yield f"a token's key has max_length {length}, and not {_KEY_DIGITS}: hashed keys cannot be imported"
    calls = [node for node in ast.walk(maker) if isinstance(node, ast.Call)] if maker else []
    made_of = {_last_name(call.func): [a.value for a in call.args if isinstance(a, ast.Constant)] for call in calls}
    in_hex = {"hexlify", "hex"} & made_of.keys() and made_of.get("urandom") == [_KEY_DIGITS // 2]
    if not in_hex and made_of.get("token_hex") != [_KEY_DIGITS // 2]:
        yield f"generate_key() in users does not make {_KEY_DIGITS} hex digits of {_KEY_DIGITS // 2} random bytes"


def main(arguments: list[str]) -> int:
    """Print the differences. Return 1 if there are any, and 2 if there is nothing to compare."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("Name a checkout of OpenL2M: make check-openl2m SOURCE=../openl2m", file=sys.stderr)
        return 2
    try:
        found = problems(Path(arguments[0]))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for problem in found:
        print(f"moved: {problem}")
    if not found:
        tables = _needed()
        columns = sum(map(len, tables.values()))
        print(f"Nothing has moved: {len(tables)} tables, {columns} columns, log types, counters, token format.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
