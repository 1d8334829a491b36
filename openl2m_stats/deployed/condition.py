"""What the state of a stack in CloudFormation means for the operator."""

from openl2m_stats.deployed.stack import Description
from openl2m_stats.findings import Finding
from stats.base.instants import timestamp

_FAILED = "Look at the stack's events for the cause, then deploy again."
_ADVICE = {
    "UPDATE_ROLLBACK_COMPLETE": "The last update failed and was undone. " + _FAILED,
    "UPDATE_ROLLBACK_FAILED": "It accepts no deployment: remove the cause that its events name, then run "
    "`aws cloudformation continue-update-rollback --stack-name {name} --region {region}`.",
    "ROLLBACK_COMPLETE": "Its first deployment failed: `make delete`, then deploy again.",
    "ROLLBACK_FAILED": "Its first deployment failed: `make delete`, then deploy again.",
    "CREATE_FAILED": "Its first deployment failed: `make delete`, then deploy again.",
    "UPDATE_FAILED": _FAILED,
    "DELETE_FAILED": "Remove the cause that its events name, then `make delete` again.",
}
_WORKS = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
_STILL_WORKS = {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}


def check_stack(stack: Description) -> Finding:
    """Check that the stack is as it was deployed, and accepts a deployment."""
    seen = f"{stack.status} since {timestamp(stack.changed.replace(microsecond=0))}"
    if stack.status in _WORKS:
        return Finding("ok", seen)
    if stack.is_changing:
        return Finding("warn", seen, "A deployment is under way.")
    advice = _ADVICE.get(stack.status, _FAILED).format(name=stack.name, region=stack.region)
    return Finding("warn" if stack.status in _STILL_WORKS else "FAIL", seen, advice)
