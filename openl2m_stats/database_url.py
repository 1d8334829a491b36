"""DATABASE_URL -> the equivalent database secret, and settings from its parameters."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from openl2m_stats.errors import Failed
from stats.database.socket import is_local

_ENGINES = {"mysql": "mysql", "mariadb": "mariadb", "postgresql": "postgres", "postgres": "postgres"}
_FORMS = "mysql://, mariadb:// or postgresql://user:password@host:port/database, or sqlite:///path"
_ESCAPES = "in user and password, write @ as %40, / as %2F, # as %23, ? as %3F, : as %3A and % as %25"
_PARAMETERS = ("host", "port", "unix_socket", "sslmode", "sslrootcert", "options")
# The function verifies what "verify-full" does, unless the host is local.
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SEARCH_PATH = re.compile(r"-c\s*search_path=((?:[^\s\\]|\\.)+)")


class DatabaseURLError(Failed):
    """The URL is wrong. The text says why, without the URL, which contains a password."""

    def __init__(self, text: str) -> None:
        super().__init__(f"DATABASE_URL {text}")


@dataclass(frozen=True)
class DatabaseURL:
    """A login in the form of the database secret, and variables of the function: DATABASE_TLS, DATABASE_CA_FILE."""

    secret: dict[str, str | int] = field(repr=False)
    variables: dict[str, str] = field(default_factory=dict)


def parse_database_url(url: str) -> DatabaseURL:
    """Return the parts of a URL: `engine`, `host`, `port`, `username`, `password`, `dbname`, `search_path`.

    Parts that the URL lacks are missing. Percent escapes are decoded. The parameters `host`, `port`, `unix_socket` (of
    MySQL), `sslmode`, `sslrootcert` and `options=-csearch_path=…` (of PostgreSQL) are understood, as by libpq, and no
    others. Raise DatabaseURLError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise DatabaseURLError(f"is not a URL: it takes {_FORMS}; {_ESCAPES}") from None
    if parts.scheme == "sqlite":
        return _sqlite(parts)
    if parts.scheme not in _ENGINES:
        raise DatabaseURLError(f"has an unknown scheme: it takes {_FORMS}")
    # An @ after the host means that it belongs to the user or the password.
    if parts.fragment or "@" in parts.path + parts.query:
        raise DatabaseURLError(f"has a character that is to be escaped: {_ESCAPES}")
    engine = _ENGINES[parts.scheme]
    parameters = _parameters(parts.query)
    host = _host(parts, parameters, engine)
    if not host or not parts.username:
        raise DatabaseURLError(f"names no host or no user: it takes {_FORMS}")
    secret: dict[str, str | int] = {
        "engine": engine,
        "host": host,
        "username": unquote(parts.username),
        "password": unquote(parts.password or ""),
    }
    if port is not None:
        secret["port"] = port
    if "port" in parameters:
        secret["port"] = _port(parameters["port"])
    if parts.path.strip("/"):
        secret["dbname"] = unquote(parts.path.strip("/"))
    if "options" in parameters:
        secret["search_path"] = _search_path(parameters["options"], engine)
    return DatabaseURL(secret, _variables(parameters, host))


def _sqlite(parts: SplitResult) -> DatabaseURL:
    name = unquote(parts.path).lstrip("/")
    for path in (Path(name), Path("/", name)):
        if path.is_file():
            return DatabaseURL({"engine": "sqlite", "dbname": str(path.resolve())})
    raise DatabaseURLError(f"names no file: there is no {name!r}, neither here nor from the root")


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise DatabaseURLError("has parameters that are not name=value") from None
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise DatabaseURLError("has a parameter twice")
    for name, value in pairs:
        if name not in _PARAMETERS:
            raise DatabaseURLError(f"has the parameter {name!r}, but it takes only {', '.join(_PARAMETERS)}")
        if not value:
            raise DatabaseURLError(f"has the parameter {name} without a value")
    return parameters


def _host(parts: SplitResult, parameters: dict[str, str], engine: str) -> str:
    if "unix_socket" not in parameters:
        # A path keeps its capitals, which a name loses.
        path = unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
        return parameters.get("host") or (path if path.startswith("/") else unquote(parts.hostname or ""))
    if engine == "postgres":
        raise DatabaseURLError("has the parameter unix_socket: on PostgreSQL, host=/folder names the socket's folder")
    if not parameters["unix_socket"].startswith("/"):
        raise DatabaseURLError("has the parameter unix_socket: it takes a path that begins with /")
    return parameters["unix_socket"]


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise DatabaseURLError("has the parameter port: it takes 1 to 65535")
    return int(text)


def _search_path(options: str, engine: str) -> str:
    found = _SEARCH_PATH.fullmatch(options.strip())
    if found is None or engine != "postgres":
        raise DatabaseURLError("has the parameter options: it takes -csearch_path=SCHEMA, and for PostgreSQL only")
    return re.sub(r"\\(.)", r"\1", found[1])


def _variables(parameters: dict[str, str], host: str) -> dict[str, str]:
    variables = {}
    if parameters.get("sslmode", _SSLMODES[0]) not in _SSLMODES:
        raise DatabaseURLError(f"has the parameter sslmode: it takes one of {', '.join(_SSLMODES)}")
    if parameters.get("sslmode") == "disable":
        if not is_local(host):
            raise DatabaseURLError("has sslmode=disable: that is accepted for loopback and Unix sockets only")
        variables["DATABASE_TLS"] = "off"
    if "sslrootcert" in parameters:
        path = Path(parameters["sslrootcert"]).expanduser()
        if not path.is_file():
            raise DatabaseURLError("has the parameter sslrootcert: it takes a file of certificates, and there is none")
        variables["DATABASE_CA_FILE"] = str(path.resolve())
    return variables
