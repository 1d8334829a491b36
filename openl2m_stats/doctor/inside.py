"""What the deployed functions find themselves, with their own roles and network, and what to do about it."""

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
# What to do, by the check and the code of what went wrong.
_ADVICE: Mapping[str, Mapping[str, str]] = {
    "secret": {
        "unreached": "The function's subnets have no way to Secrets Manager: they need a NAT, an endpoint of the VPC, "
        "or SecretsManagerEndpoint=true.",
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
        "unreached": "The function's subnets have no way to S3: they need a NAT, or S3EndpointRouteTableIds.",
        "none": "If this stays, look at the snapshot function's log: `make logs`.",
        "snapshot": "The next run replaces it.",
        "history": "`openl2m-stats history rebuild` mends the month.",
        "unconditional": "This is not S3: runs at the same time would overwrite each other's work.",
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
_NOT_CALLED = "It takes lambda:InvokeFunction on the alias `live` of both functions."
_CRASHED = "`make logs` shows more. If a deployment caused it, roll back."
_UNKNOWN, _TOO_OLD = "it cannot examine itself", "Its version is older than this command: deploy this one."


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
    """Return what each of some deployed functions finds."""
    return tuple(map(_examined, functions))


def _examined(function: str) -> Inside:
    title = f"the function {function}"
    try:
        answer = invoke(function, DOCTOR_EVENT)
    except InvocationError as error:
        return Inside(title, (("function", _not_examined(error)),))
    if isinstance(answer, dict) and answer.get("statusCode") == 500:
        return Inside(title, (("function", Finding("FAIL", "it answers 500", _CRASHED)),))
    if not isinstance(answer, dict) or not isinstance(answer.get("findings"), list):
        return Inside(title, (("function", Finding("warn", _UNKNOWN, _TOO_OLD)),))
    version = printable(answer.get("version"))
    return Inside(f"{title}, version {version}", tuple(map(_read, answer["findings"])))


def _not_examined(error: InvocationError) -> Finding:
    if not error.was_called:
        return Finding("warn", f"it cannot be called: {printable(error)}", _NOT_CALLED)
    if "the event is not a schedule's" in str(error):  # so a snapshot function of version 1.0
        return Finding("warn", _UNKNOWN, _TOO_OLD)
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
