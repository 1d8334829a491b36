"""The meaning of each database error for the operator, and what to do about it.

The doctor's advice and a part of docs/troubleshooting.md come from here. The class of each error is code of the
function: KINDS in stats/database/mysql.py and postgresql.py.
"""

from typing import NamedTuple

from stats.database.driver import DatabaseError, Kind

_PARTIAL = "serves the numbers that can be read; with none of them, stale ones, or answers 503"
# What a request does after an error of each class. In all cases it closes the connection, so that the next try, after
# the back-off, logs in again and sees repairs.
REQUESTS = {
    Kind.GONE: "connects again, once, with the time that is left",
    Kind.DENIED: "reads the secret again and tries the current password, the pending one and the one that worked last",
    Kind.CANCELLED: "does not run the statement again",
    Kind.ABSENT: _PARTIAL,
    Kind.FORBIDDEN: _PARTIAL,
    Kind.OTHER: "serves stale numbers, or answers 503",
}


class Error(NamedTuple):
    """Errors that mean the same: the codes of the servers, the drivers or ours."""

    codes: tuple[str, ...]
    meaning: str
    remedy: str


_GRANTS = (
    "Run the output of `openl2m-stats grants` as an administrator; `openl2m-stats doctor` shows which right is missing."
)
_RESTART = "The function connects again by itself. If it recurs, look at the server's log."

ERRORS = (
    Error(
        ("1045", "1698", "28P01"),
        "wrong user name or password",
        "User name or password of the database secret are not the database's, or the user is locked. While the "
        "password is being rotated, wait until that is done: the function also tries the pending one.",
    ),
    Error(
        ("28000",),
        "the role does not exist or may not log in, or `pg_hba.conf` admits no such login",
        "Look at 'username' of the database secret, and whether the user is locked (NOLOGIN).",
    ),
    Error(("3118", "4151"), "the user is locked", "Unlock it: `ALTER USER … ACCOUNT UNLOCK`."),
    Error(
        ("1820", "1862"),
        "the password has expired",
        "Give the user a new password and store it in the database secret. `ALTER USER … PASSWORD EXPIRE NEVER` "
        "keeps it from expiring again.",
    ),
    Error(
        ("1129", "1130"),
        "the server takes no logins from this address",
        "1130: the host part of the user's name does not cover the function's subnets. 1129: after too many failed "
        "connections, `FLUSH HOSTS` lifts the block.",
    ),
    Error(
        ("1049", "3D000"),
        "there is no such database",
        "Look at 'dbname' of the database secret.",
    ),
    Error(
        ("1044",),
        "the user has no right in the database, or there is no such database",
        "Look at 'dbname' of the database secret, and run the script for the database user in that database.",
    ),
    Error(
        ("1146", "1109", "42P01", "3F000"),
        "a table does not exist, or is not in the user's search path",
        "Is 'dbname' of the database secret OpenL2M's database, with all migrations? On PostgreSQL, the tables may be "
        "in another schema: add it with `ALTER ROLE … SET search_path`. `openl2m-stats doctor` finds it.",
    ),
    Error(
        ("1054", "42703"),
        "a column does not exist",
        "Run OpenL2M's migrations: the tables are those of another version.",
    ),
    Error(
        ("1356",),
        "a view refers to a table or column that does not exist, or that its definer may not read",
        "Create the view again.",
    ),
    Error(("1142", "1143", "42501"), "the database user lacks a right", _GRANTS),
    Error(
        ("1040", "1203", "1226", "53300"),
        "the server or the user has reached its limit of connections",
        "ReservedConcurrency limits the function's connections, and RDS Proxy shares them.",
    ),
    Error(
        ("1205", "55P03"),
        "another session locks a table",
        "Wait for that session to end, or end it: it may be a migration, or a backup that locks tables.",
    ),
    Error(
        ("1317", "57014"),
        "the statement was cancelled: by an administrator or, on PostgreSQL, by the role's `statement_timeout`",
        "`openl2m-stats doctor` shows the time limit and the statement's time.",
    ),
    Error(
        ("timeout", "1969", "3024"),
        "the server did not answer in time",
        "A server that accepts connections but does not answer may be overloaded or starting, or its log is locked. If "
        "it accepts none, its security group does not admit the function, or it is in another VPC.",
    ),
    Error(
        ("2003", "ConnectionRefusedError", "ConnectionResetError", "gaierror"),
        "the server cannot be reached: its name does not resolve, nothing listens there, or it closes the connection",
        "Look at 'host' and 'port' of the database secret, which the log line shows. A name in a private zone resolves "
        "only inside its VPC.",
    ),
    Error(
        ("1053", "1927", "2006", "2013", "2014", "4031", "57P01", "57P02", "57P03", "57P04", "57P05"),
        "the server ended the session: it is restarting, or the session was killed or idle for too long",
        _RESTART,
    ),
)

_BY_CODE = {code: error for error in ERRORS for code in error.codes}
_BY_KIND = {Kind.ABSENT: _BY_CODE["1146"], Kind.DENIED: _BY_CODE["28P01"], Kind.FORBIDDEN: _BY_CODE["42501"]}


def remedy(error: DatabaseError) -> str:
    """Return what to do about an error."""
    found = _BY_CODE.get(error.code) or _BY_KIND.get(error.kind)
    if found:
        return found.remedy
    return "The code is the database server's or its driver's: see its documentation."
