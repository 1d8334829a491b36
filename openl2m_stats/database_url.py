"""DATABASE_URL -> the database secret that it stands for."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from openl2m_stats.errors import Failed

_ENGINES = {"mysql": "mysql", "mariadb": "mariadb", "postgresql": "postgres", "postgres": "postgres"}
_FORMS = "mysql://, mariadb:// or postgresql://user:password@host:port/database, or sqlite:///path"


class DatabaseURLError(Failed):
    """The URL is wrong; the text says what is, and does not repeat the URL, which holds a password."""


def parse_database_url(url: str) -> dict[str, str | int]:
    """Return `engine`, `host`, `port`, `username`, `password` and `dbname`; what the URL leaves out is left out.

    Percent escapes are decoded. Raise DatabaseURLError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise DatabaseURLError(f"DATABASE_URL is not a URL: it takes {_FORMS}") from None
    if parts.scheme == "sqlite":
        name = unquote(parts.path).lstrip("/")
        for path in (Path(name), Path("/", name)):
            if path.is_file():
                return {"engine": "sqlite", "dbname": str(path.resolve())}
        raise DatabaseURLError(f"DATABASE_URL: there is no file {name!r}, neither here nor from the root")
    if parts.scheme not in _ENGINES:
        raise DatabaseURLError(f"DATABASE_URL has an unknown scheme: it takes {_FORMS}")
    if not parts.hostname or not parts.username:
        raise DatabaseURLError(f"DATABASE_URL names no host or no user: it takes {_FORMS}")
    secret: dict[str, str | int] = {
        "engine": _ENGINES[parts.scheme],
        "host": unquote(parts.hostname),
        "username": unquote(parts.username),
        "password": unquote(parts.password or ""),
    }
    if port is not None:
        secret["port"] = port
    if parts.path.strip("/"):
        secret["dbname"] = unquote(parts.path.strip("/"))
    return secret
