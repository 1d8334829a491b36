"""The text of a database secret -> the server that it describes."""

import json
from typing import Any

from stats.base.settings import Settings
from stats.database.driver import DatabaseError, Server
from stats.database.engines import ENGINES, engine_of


def parse_server(text: str | bytes, settings: Settings) -> Server:
    """Return the server that a database secret describes; what it leaves out is taken from the settings.

    The secret is RDS's JSON: `engine`, `host`, `port`, `username`, `password`, `dbname`. Without a password the
    login is by IAM. Raise DatabaseError.
    """
    try:
        secret = json.loads(text)
    except (ValueError, RecursionError):
        # The decoder's error carries the secret itself.
        raise DatabaseError("bad secret", "the database secret is not JSON") from None
    if not isinstance(secret, dict):
        raise DatabaseError("bad secret", "the database secret is not a JSON object")

    def text_of(key: str, otherwise: str | None) -> str:
        value = secret.get(key) or otherwise
        # What cannot be printed, such as NUL or half a character, drivers and sockets choke on or cut off.
        if not isinstance(value, str) or not value or not value.isprintable():
            raise DatabaseError("bad secret", f"the database secret has no usable {key!r}")
        return value

    name = text_of("engine", settings.database_engine)
    if name not in ENGINES:
        raise DatabaseError("bad secret", f"'engine' of the database secret is none of {', '.join(ENGINES)}")
    database = text_of("dbname", settings.database_name or "openl2m")
    if name == "sqlite":
        return Server(name, "localhost", 0, "", "", database)
    return Server(
        engine=name,
        host=text_of("host", settings.database_host),
        port=_port(secret.get("port") or settings.database_port or engine_of(name).default_port),
        user=text_of("username", None),
        password=_password(secret.get("password")),
        database=database,
    )


def _password(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DatabaseError("bad secret", "the database secret has no usable 'password'")
    return value


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (OverflowError, TypeError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise DatabaseError("bad secret", "'port' of the database secret is no port number")
    return port
