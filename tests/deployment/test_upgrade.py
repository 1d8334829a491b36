"""From the first release to the working tree, and back: what callers have goes on working."""

import threading

import pytest

from tests.deployment.aws import Aws, Identity, deploy_policies
from tests.deployment.operator_folder import STACK, Folder, roll_back
from tests.deployment.stack import Stack, until


@pytest.fixture(scope="module")
def key(aws: Aws, before: Folder, operator: Identity, stack: Stack) -> str:
    """A token of the first release, which is deployed with its own policy and has taken a snapshot."""
    before.make(aws.user("deployer-of-before", *deploy_policies(before.path)), "deploy")
    key = before.token(operator, "grafana")
    until(lambda: stack.get(key).ok)
    stack.run_schedule()
    return key


@pytest.fixture(scope="module")
def upgraded(
    now: Folder, parameters: dict[str, str], deployer: Identity, stack: Stack, key: str
) -> tuple[str, set[int]]:
    """Deploy the working tree; return what `make deploy` printed, and the statuses that a caller saw meanwhile."""
    statuses, over = set(), threading.Event()

    def call() -> None:
        while not over.wait(0.5):
            statuses.add(stack.get(key).status_code)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        now.configure(**parameters)
        return now.make(deployer, "deploy"), statuses
    finally:
        over.set()
        caller.join()


def test_an_upgrade_disturbs_no_caller(stack: Stack, upgraded: tuple[str, set[int]], key: str) -> None:
    _, statuses = upgraded
    assert statuses == {200}
    assert stack.describe()["StackStatus"] == "UPDATE_COMPLETE"
    assert (stack.live(), stack.get(key).status_code) == ("2", 200)


def test_the_history_goes_on(stack: Stack, upgraded: tuple[str, set[int]], key: str) -> None:
    earlier = stack.snapshots()
    stack.run_schedule()
    assert stack.snapshots() > earlier
    history = stack.get(key, "api/stats/history/").json()
    assert history["database"]["switches"]["values"][-1] == 1246


def test_the_printed_command_leads_back(
    now: Folder, deployer: Identity, stack: Stack, upgraded: tuple[str, set[int]], key: str
) -> None:
    printed, _ = upgraded
    roll_back(now, deployer, printed)
    assert (stack.live(), stack.get(key).status_code) == ("1", 200)


def test_make_delete_works_after_an_upgrade(now: Folder, deployer: Identity, stack: Stack) -> None:
    now.make(deployer, "delete", text=f"{STACK}\n")
    assert not stack.other_resources()
