"""Calls of the deployed API, like those of its users."""

import json
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stats import __version__
from stats.base.deadline import Deadline, within

KEY_VARIABLE = "OPENL2M_STATS_KEY"
_KEY = re.compile("[0-9a-f]{40}")
_PATH = "/api/stats"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MOST_BYTES = 1_000_000


class NoKeyError(Exception):
    """The key is missing or malformed; the text does not repeat it."""


class NoAnswerError(Exception):
    """The API did not answer; the text says why."""


@dataclass(frozen=True)
class Answer:
    """An answer's status, its headers by names in lower case, and its body: parsed, None without JSON, and as sent."""

    status: int
    headers: Mapping[str, str]
    body: Any
    content: bytes = b""


def read_key(file: str | None) -> str:
    """Return the key in a file or, without a file, in OPENL2M_STATS_KEY. Raise NoKeyError.

    A line of `tokens create` has the key after the token's name and a tab.
    """
    if file is None and not os.environ.get(KEY_VARIABLE):
        raise NoKeyError(f"there is no token: name a file with --key-file, or set {KEY_VARIABLE}")
    try:
        text = os.environ[KEY_VARIABLE] if file is None else Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise NoKeyError(f"the file of --key-file cannot be read: {reason}") from None
    key = text.strip().rpartition("\t")[2]
    if not _KEY.fullmatch(key):
        where = KEY_VARIABLE if file is None else "the file of --key-file"
        raise NoKeyError(f"{where} has no key: a key has 40 hexadecimal digits, 0 to 9 and a to f")
    return key


def statistics_url(text: str) -> str:
    """Return the URL of the statistics for the URL of the page or the API. Raise ValueError."""
    takes = "it takes the API's address, such as https://stats.example.com"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(takes) from None  # the error's text repeats the URL
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        raise ValueError(takes)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("it takes https: over http, anyone on the way could read the token")
    if parts.query or parts.fragment:
        raise ValueError(takes)
    base = parts.path.rstrip("/").removesuffix(_PATH)
    return f"{parts.scheme}://{parts.netloc}{base}{_PATH}/"


def get(url: str, key: str, seconds: float) -> Answer:
    """Return the answer to a GET with a token, after no more than the given time. Raise NoAnswerError."""
    return call(url, seconds, {"Authorization": f"Token {key}", "Accept": "application/json"})


def call(url: str, seconds: float, headers: Mapping[str, str], method: str = "GET") -> Answer:
    """Return the answer to a request without a body, after no more than the given time. Raise NoAnswerError.

    A redirect is an answer: to follow it would send the token elsewhere.
    """
    sent = {"User-Agent": f"openl2m-stats/{__version__}", **headers}
    request = urllib.request.Request(url, headers=sent, method=method)  # noqa: S310 its scheme was checked
    try:
        return within(Deadline.after(seconds), lambda: _open(request, seconds))
    except TimeoutError:
        raise NoAnswerError(f"no answer within {seconds:g} s") from None
    except urllib.error.URLError as error:
        raise NoAnswerError(_reason(error.reason)) from None
    except (OSError, HTTPException) as error:
        raise NoAnswerError(_reason(error)) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow no redirect."""


def _open(request: urllib.request.Request, seconds: float) -> Answer:
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=seconds) as response:
            return _answer(response)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error)


def _answer(response: Any) -> Answer:
    content = response.read(_MOST_BYTES)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body, content)


def _reason(error: Any) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted: {error.verify_message}"
        case OSError() if error.strerror:
            return error.strerror
    return type(error).__name__
