"""OpenL2M's own numbers, from its recorded databases, on every engine."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from dev.servers.databases import Database, run_script
from tests.support.databases import load_case, read_case, shared

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*.json"))


def test_all_cases_are_here() -> None:
    assert len(CASES) == 24


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, database: Database, aws: Any, new_container: Any) -> None:
    case = read_case(path)
    load_case(database, case)
    aws.put_database(database.secret())
    key = aws.new_token()

    with time_machine.travel(datetime.fromisoformat(case["now"]), tick=False):
        answer = new_container(TIME_ZONE=case["time_zone"]).get(key)
        assert answer.status == 200
        assert shared(answer.json, case["expected"]) == case["expected"]

        if database.server:
            run_script(database, "log_index")
            answer = new_container().get(key)
            assert answer.status == 200
            assert shared(answer.json, case["expected"]) == case["expected"]
