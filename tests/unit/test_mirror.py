"""tests/unit mirrors the modules: one of more than 40 lines has its unit file, or its reason not to."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests/unit"
PACKAGES = (ROOT / "functions/stats", ROOT / "openl2m_stats")
LONG = 40  # lines
# Modules without a unit file, and why.
EXCEPTIONS: dict[str, str] = {}


def unit_file(module: Path, package: Path) -> Path:
    """Return where a module's unit tests are."""
    return UNIT / package.name / module.relative_to(package).with_name(f"test_{module.name}")


MODULES = {
    f"{package.name}/{module.relative_to(package)}": (module, unit_file(module, package))
    for package in PACKAGES
    for module in sorted(package.rglob("*.py"))
}
LONG_ONES = [name for name, (module, _) in MODULES.items() if len(module.read_text("utf-8").splitlines()) > LONG]


@pytest.mark.parametrize("name", LONG_ONES)
def test_a_long_module_has_its_unit_file_or_is_an_exception(name: str) -> None:
    assert MODULES[name][1].is_file() != (name in EXCEPTIONS), f"{MODULES[name][1]}, or a reason in EXCEPTIONS"


def test_exceptions_are_few_and_name_long_modules_with_a_reason() -> None:
    assert len(EXCEPTIONS) <= 3
    assert set(EXCEPTIONS) <= set(LONG_ONES)
    assert all(EXCEPTIONS.values())


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_unit_file_is_a_modules(package: Path) -> None:
    files = set((UNIT / package.name).rglob("test_*.py"))
    assert files
    assert files <= {file for _, file in MODULES.values()}
