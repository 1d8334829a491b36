"""IAM's evaluation of identity policies without Deny statements, as far as this project's policies go.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Context = Mapping[str, str | Sequence[str]]


def allowed(statements: Sequence[Mapping[str, Any]], action: str, arn: str, context: Context | None = None) -> bool:
    """Return whether statements allow an action on a resource, given the request's condition keys."""
    for statement in statements:
        assert statement["Effect"] == "Allow"
        if (
            any(fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(statement["Action"]))
            and any(fnmatchcase(arn, pattern) for pattern in as_list(statement["Resource"]))
            and all(
                _holds(operator, tests, context or {}) for operator, tests in statement.get("Condition", {}).items()
            )
        ):
            return True
    return False


def as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _holds(operator: str, tests: Mapping[str, Any], context: Context) -> bool:
    return all(_passes(operator, context.get(key), as_list(expected)) for key, expected in tests.items())


def _passes(operator: str, given: str | Sequence[str] | None, expected: list[str]) -> bool:
    match operator:
        case "StringEquals":
            return isinstance(given, str) and given in expected
        case "StringEqualsIfExists":
            return given is None or (isinstance(given, str) and given in expected)
        case "ForAllValues:StringEquals":
            return all(value in expected for value in as_list(given or []))
    raise ValueError(f"{operator} is not known here")
