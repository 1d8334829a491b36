"""Environment variables -> one frozen Settings; the only reader of os.environ."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from stats.base.networks import Network, parse_network
from stats.base.zones import time_zone


class SettingsError(Exception):
    """At least one variable is missing or wrong; the text names each, and the values that it accepts."""


class Settings(NamedTuple):  # faster to create than a dataclass, at every cold start
    """A field for each variable, with its name in lower case; durations are in whole seconds."""

    database_secret_id: str
    tokens_secret_id: str
    database_engine: str | None
    database_host: str | None
    database_port: int | None
    database_name: str | None
    database_ca_file: str
    database_tls: str
    time_zone: ZoneInfo
    cache_ttl_seconds: int
    max_stale_seconds: int
    tokens_ttl_seconds: int
    tokens_max_stale_seconds: int
    tokens_refresh_seconds: int
    request_timeout_seconds: int
    client_ip_denied: tuple[Network, ...]
    client_ip_allowed: tuple[Network, ...]
    api_enabled: bool
    page_enabled: bool
    base_path: str
    stack_label: str | None
    public_url: str | None
    notify_topic_arn: str | None
    snapshot_bucket: str | None
    snapshot_prefix: str


class Option(NamedTuple):
    """How a variable is read: its default (None: required, "": no value), the values it accepts, and its parser."""

    default: str | None
    takes: str
    parse: Callable[[str], Any]


def _text(text: str) -> str | None:
    return text or None


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError
        return int(text)

    return parse


def _port(text: str) -> int | None:
    return _whole(1, 65535)(text) if text else None


def _one_of(choices: Mapping[str, Any]) -> Callable[[str], Any]:
    return lambda text: choices[text.lower()]


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(parse_network(item) for item in text.split(",") if item.strip())


def _base_path(text: str) -> str:
    if not _BASE_PATH.fullmatch(text):
        raise ValueError
    return text


def _file(text: str) -> str:
    # The default exists only in the layer; it is opened when a connection needs it.
    if text != _BUNDLE and not Path(text).is_file():
        raise ValueError
    return text


def _matching(pattern: str) -> Callable[[str], str | None]:
    def parse(text: str) -> str | None:
        if text and not re.fullmatch(pattern, text):
            raise ValueError
        return text or None

    return parse


_BASE_PATH = re.compile(r"(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)?")
_TOPIC = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"
_BUNDLE = "/opt/python/rds-global-bundle.pem"
_DAY = 86400
_SECONDS = f"whole seconds, 0 to {_DAY}"
_NETWORKS = "networks separated by commas, such as 10.0.0.0/8,2001:db8::/32"
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

OPTIONS: dict[str, Option] = {
    "DATABASE_SECRET_ID": Option(None, "the name or ARN of the database secret", str),
    "TOKENS_SECRET_ID": Option(None, "the name or ARN of the token secret", str),
    "DATABASE_ENGINE": Option("", "the engine, where the secret names none", _text),
    "DATABASE_HOST": Option("", "the host, where the secret names none", _text),
    "DATABASE_PORT": Option("", "a port, 1 to 65535, where the secret names none", _port),
    "DATABASE_NAME": Option("", "the database, where the secret names none", _text),
    "DATABASE_CA_FILE": Option(_BUNDLE, "a file of trusted certificates in PEM form", _file),
    "DATABASE_TLS": Option(
        "verify", "verify, or off for a loopback or socket host", _one_of({"verify": "verify", "off": "off"})
    ),
    "TIME_ZONE": Option("UTC", "a zone of the IANA database, such as America/Los_Angeles", time_zone),
    "CACHE_TTL_SECONDS": Option("60", _SECONDS, _whole(0, _DAY)),
    "MAX_STALE_SECONDS": Option("3600", "whole seconds, 0 to 31536000", _whole(0, 365 * _DAY)),
    "TOKENS_TTL_SECONDS": Option("60", _SECONDS, _whole(0, _DAY)),
    "TOKENS_MAX_STALE_SECONDS": Option("600", "whole seconds, 0 to 31536000", _whole(0, 365 * _DAY)),
    "TOKENS_REFRESH_SECONDS": Option("10", _SECONDS, _whole(0, _DAY)),
    "REQUEST_TIMEOUT_SECONDS": Option("10", "whole seconds, 1 to 25", _whole(1, 25)),
    "CLIENT_IP_DENIED": Option("", _NETWORKS, _networks),
    "CLIENT_IP_ALLOWED": Option("", _NETWORKS, _networks),
    "API_ENABLED": Option("true", "true or false", _one_of(_BOOLEANS)),
    "PAGE_ENABLED": Option("true", "true or false", _one_of(_BOOLEANS)),
    "BASE_PATH": Option("", "a path without slashes at its ends, such as openl2m or network/openl2m", _base_path),
    "STACK_LABEL": Option("", "what the page, the metrics and the notices call this deployment", _text),
    "PUBLIC_URL": Option("", "the page's address, which notices link to", _matching(r"https?://[!-~]+/")),
    "NOTIFY_TOPIC_ARN": Option("", "the ARN of the standard SNS topic that the notices are sent to", _matching(_TOPIC)),
    "SNAPSHOT_BUCKET": Option("", "the name of the bucket of the snapshots", _text),
    "SNAPSHOT_PREFIX": Option("snapshots/", "what every key in the bucket begins with", str),
}


def given() -> bool:
    """Return whether this process is the function: it runs in Lambda, or has at least one required variable."""
    required = [name for name, option in OPTIONS.items() if option.default is None]
    return any(name in os.environ for name in ("AWS_LAMBDA_FUNCTION_NAME", *required))


def starts_from_snapshot() -> bool:
    """Return whether SnapStart will store this process after its start, and run copies of it."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in `environ`; an empty variable counts as absent.

    Raise SettingsError, one message that names every wrong variable.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, option in OPTIONS.items():
        text = environ.get(name, "").strip() or option.default
        if text is None:
            problems.append(f"{name} is not set: it takes {option.takes}")
            continue
        try:
            values[name.lower()] = option.parse(text)
        except (ValueError, KeyError, OSError):
            problems.append(f"{name} is wrong: it takes {option.takes}")
    if problems:
        raise SettingsError("; ".join(problems))
    return Settings(**values)
