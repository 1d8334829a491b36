"""api.py without an environment: it can be imported, and says what a function would need."""

import subprocess
import sys

import pytest

from tests.support.databases import ROOT


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT / "functions"), "AWS_DEFAULT_REGION": "us-east-1", **variables}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_it_can_be_imported_where_no_settings_are() -> None:
    assert run("import stats.api").returncode == 0


def test_without_settings_the_answer_is_500_and_the_log_names_them() -> None:
    ran = run("import stats.api, sys; print(stats.api.handler({}, None)['statusCode'], file=sys.stderr)")
    assert ran.stderr == "500\n"
    assert "DATABASE_SECRET_ID is not set" in ran.stdout
    assert "TOKENS_SECRET_ID is not set" in ran.stdout


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_LAMBDA_FUNCTION_NAME": "stats"},
        {"DATABASE_SECRET_ID": "database", "CACHE_TTL_SECONDS": "soon"},
        {"TOKENS_SECRET_ID": "tokens"},
    ],
    ids="+".join,
)
def test_a_function_whose_settings_are_wrong_does_not_start(variables: dict[str, str]) -> None:
    failed = run("import stats.api", **variables)
    assert failed.returncode != 0
    for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "CACHE_TTL_SECONDS"):
        wrong = name not in variables if name.endswith("ID") else name in variables
        assert (name in failed.stderr.splitlines()[-1]) == wrong
