"""The KMS key with which a stack has encrypted what it must still be able to read after a deployment."""

import contextlib
from collections.abc import Mapping
from typing import Any

from openl2m_stats.deployed.stack import Account, StackError, reading
from openl2m_stats.environments import FILE, Environment


def forgotten_key(environment: Environment, overrides: Mapping[str, Any]) -> str | None:
    """Return what is wrong if a deployment would take a stack the right to decrypt its snapshots; else None.

    A parameter that is not given keeps its value: so does SAM.
    """
    before: Mapping[str, str] = {}
    with contextlib.suppress(StackError), reading(environment.stack_name):  # there may be no stack yet
        before = Account.of(environment.region, environment.profile).describe(environment.stack_name).parameters
    after = {**before, **{name: _text(value) for name, value in overrides.items()}}
    key = before.get("KmsKeyArn")
    if not key or key in {after.get("KmsKeyArn"), *after.get("FormerKmsKeyArns", "").split(",")}:
        return None
    return (
        f"{FILE}: KmsKeyArn changes, and {key} encrypts the snapshots so far: add it to FormerKmsKeyArns in "
        f"[{environment.name}.deploy.parameters.parameter_overrides]. docs/operate.md says when it can be removed."
    )


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
