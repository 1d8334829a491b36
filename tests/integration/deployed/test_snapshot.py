"""`openl2m-stats snapshot` of a deployed stack."""

import json
from collections.abc import Callable
from typing import Any

from tests.integration.deployed.conftest import Operate
from tests.integration.deployed.stack import STACK, Stack
from tests.support.s3 import S3


def test_the_deployed_function_takes_it(deployed: Stack, operate_beside: Operate, invoked: list[Any], s3: S3) -> None:
    code, out, err = operate_beside("snapshot")
    assert (code, err, invoked) == (0, "", [{}])
    assert s3.json(out.rstrip("\n"))["database"]["switches"]["value"] == 3
    taken = json.loads(operate_beside("snapshot", "--json").out)
    assert taken["key"] in s3.objects
    assert taken["written"]


def test_the_function_fails(deploy: Callable[..., Stack], operate: Operate, answer: Any) -> None:
    deploy()

    def fail(_: Any) -> None:
        raise RuntimeError("mysql error 1045:\nwrong\x1b[31m password.")

    answer(fail)
    code, out, err = operate("snapshot")
    assert (code, out) == (1, "")
    assert err == f"No snapshot of {STACK} was taken: 'mysql error 1045: wrong\\x1b[31m password.'.\n"


def test_something_else_answers(deploy: Callable[..., Stack], operate: Operate, answer: Any) -> None:
    deploy()
    answer(lambda _: {"statusCode": 400})
    code, _, err = operate("snapshot")
    assert (code, err) == (1, f"No snapshot of {STACK} was taken: its answer is not a snapshot function's.\n")


def test_the_stack_has_its_database(operate: Operate) -> None:
    code, _, err = operate("snapshot", "--database-url", "sqlite:///openl2m.sqlite3")
    assert code == 2
    assert "the stack has its database: leave out --database-url" in err
