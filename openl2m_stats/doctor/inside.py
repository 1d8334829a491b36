"""The findings of the deployed functions, with their own roles and network, and advice for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from openl2m_stats.database_errors import remedy
from openl2m_stats.deployed.invocation import InvocationError, invoke
from openl2m_stats.doctor.database_secret import FORM
from openl2m_stats.findings import Finding, State
from openl2m_stats.terminal import printable
from stats.app import DOCTOR_EVENT
from stats.database.driver import DatabaseError, Kind

_UNREACHED = frozenset({"TimeoutError", "ConnectTimeoutError", "EndpointConnectionError", "ReadTimeoutError"})
_OTHER = ""  # any other code
# Advice by check and error code.
_ADVICE: Mapping[str, Mapping[str, str]] = {
    "secret": {
        "unreached": "The function's subnets have no route to Secrets Manager: they need a NAT, a VPC endpoint, or "
        "SecretsManagerEndpoint=true.",
        "no token": "Create a token with `openl2m-stats tokens create`.",
        "malformed": "The check of the token secret from this machine says more: correct it.",
        "bad secret": FORM,
        "ResourceNotFoundException": "The stack's parameters name a secret that is gone.",
        "InvalidRequestException": "It is marked for deletion: `aws secretsmanager restore-secret` brings it back.",
        _OTHER: "Look at the function's role, at the secret's own policy, and at the key: DatabaseSecretKmsKeyArn, "
        "KmsKeyArn and FormerKmsKeyArns give the right to decrypt.",
    },
    "network": {
        "gaierror": "The name does not resolve in the function's network: look at 'host' of the database secret, and "
        "at the private zones of the VPC.",
        "ConnectionRefusedError": "Nothing listens there: look at 'port' of the database secret, and whether the "
        "database runs.",
        _OTHER: "Does the database's security group admit VpcSecurityGroupIds, and do VpcSubnetIds have a route to it?",
    },
    "TLS": {
        "certificate": "'host' of the database secret must be a name of the certificate, and DatabaseCaFile must hold "
        "its authority.",
        "no TLS": "Switch TLS on in the database: the function sends no login without it.",
        _OTHER: "Is this a database server of that engine?",
    },
    "clock": {_OTHER: "Synchronize the database's clock: windows are counted from now."},
    "bucket": {
        "unreached": "The function's subnets have no route to S3: they need a NAT, or S3EndpointRouteTableIds.",
        "none": "If this stays, look at the snapshot function's log: `make logs`.",
        "malformed": "The next run replaces latest.json; `openl2m-stats history rebuild` repairs a month.",
        "unconditional": "The store does not behave like S3: concurrent runs would overwrite each other's work.",
        "NoSuchBucket": "The bucket is gone: look at SnapshotBucketName.",
        _OTHER: "Look at the function's role, at the bucket's policy, and at the key: what was written with an earlier "
        "KmsKeyArn needs that in FormerKmsKeyArns.",
    },
}
_GROUPS = {
    "token secret": "secret",
    "database secret": "secret",
    "snapshot": "bucket",
    "history": "bucket",
    "writing": "bucket",
}
_UNFORESEEN = "`make logs` shows where: please report it."
_NOT_CALLED = "Your credentials need lambda:InvokeFunction on the alias `live` of both functions."
_CRASHED = "`make logs` shows more. If a deployment caused it, roll back."
_OLD = (
    "function",
    Finding("warn", "it cannot examine itself", "Its version is older than this command's: deploy this version."),
)


@dataclass(frozen=True)
class Inside:
    """What a function found, by the check's name. `title` says which function, and in which version."""

    title: str
    findings: tuple[tuple[str, Finding], ...]

    @property
    def reaches_database(self) -> bool:
        """Whether the function could log in to the database."""
        return any(name == "login" and finding.state == "ok" for name, finding in self.findings)


def look_inside(functions: Iterable[str]) -> tuple[Inside, ...]:
    """Return what each of some deployed functions finds, that of the API first.

    Version 1.0 cannot examine itself. Its API refuses the event; its snapshot function would take a snapshot, so it is
    not called then.
    """
    found: list[Inside] = []
    for function in functions:
        is_old = any(_OLD in inside.findings for inside in found)
        found.append(Inside(f"the function {function}", (_OLD,)) if is_old else _examined(function))
    return tuple(found)


def _examined(function: str) -> Inside:
    title = f"the function {function}"
    try:
        answer = invoke(function, DOCTOR_EVENT)
    except InvocationError as error:
        return Inside(title, (("function", _not_examined(error)),))
    if isinstance(answer, dict) and answer.get("statusCode") == 500:
        return Inside(title, (("function", Finding("FAIL", "it answers 500", _CRASHED)),))
    if not isinstance(answer, dict) or not isinstance(answer.get("findings"), list):
        return Inside(title, (_OLD,))
    version = printable(answer.get("version"))
    return Inside(f"{title}, version {version}", tuple(map(_read, answer["findings"])))


def _not_examined(error: InvocationError) -> Finding:
    if not error.was_called:
        return Finding("warn", f"it cannot be called: {printable(error)}", _NOT_CALLED)
    return Finding("FAIL", f"it fails: {printable(error)}", _CRASHED)


def _read(found: Mapping[str, Any]) -> tuple[str, Finding]:
    name, seen = printable(found.get("name")), printable(found.get("seen", ""))
    state: State = next((each for each in get_args(State) if each == found.get("state")), "warn")
    if state in {"ok", "skip"}:
        return name, Finding(state, seen)
    return name, Finding(state, seen, _advice(name, str(found.get("code", "")), found.get("kind")))


def _advice(name: str, code: str, kind: Any) -> str:
    advice = _ADVICE.get(_GROUPS.get(name, name), {})
    if code == "unforeseen":
        return _UNFORESEEN
    if not advice or (kind and code not in advice):
        return remedy(DatabaseError(code, "", Kind(kind) if kind in set(Kind) else Kind.OTHER))
    return advice.get("unreached" if code in _UNREACHED else code) or advice[_OTHER]
