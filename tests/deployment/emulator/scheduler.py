"""EventBridge Scheduler fills in the time that a run was scheduled for, and acts as the schedule's role."""

from datetime import UTC, datetime
from typing import Any

from ministack.core.iam_evaluator import EvalContext, _gather_role_policies, evaluate
from ministack.services import eventbridge, scheduler

_ACCOUNT, _REGION = "111122223333", "us-east-1"


def install() -> None:
    """Change MiniStack in this process."""
    invoke = eventbridge._invoke_target

    def patched(target: dict[str, Any], event: dict[str, Any], rule: Any, view: Any = None) -> Any:
        if event.get("Source") == "aws.scheduler":
            _require_invocation(target)
            time = datetime.fromtimestamp(event["Time"], UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            target = {**target, "Input": target["Input"].replace("<aws.scheduler.scheduled-time>", time)}
        return invoke(target, event, rule, view)

    eventbridge._invoke_target = patched
    scheduler._SCHEDULE_TICK_INTERVAL = 1  # seconds; MiniStack looks every 10


def _require_invocation(target: dict[str, Any]) -> None:
    role = target["RoleArn"]
    context = EvalContext(role, "AssumedRole", _ACCOUNT, "lambda:InvokeFunction", target["Arn"], _REGION)
    result = evaluate(context, _gather_role_policies(role.rsplit("/", 1)[1], _ACCOUNT))
    if result.decision != "Allow":
        raise PermissionError(f"{role} may not invoke {target['Arn']}")
