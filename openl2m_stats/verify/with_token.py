"""Checks of the API with a token."""

import time
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from prometheus_client.parser import text_string_to_metric_families

from openl2m_stats.caller import Answer
from openl2m_stats.terminal import printable
from openl2m_stats.verify.api import Api, Check, UnexpectedError
from stats import __version__
from stats.base.instants import timestamp
from stats.numbers.catalogue import SERVED

_HISTORY, _AT, _METRICS = "api/stats/history/", "api/stats/at/", "metrics"
_HEADERS = ("etag", "last-modified", "cache-control", "age", "cache-status", "vary")
_TRIES = 5  # the function may read new numbers between two calls
_GZIP = 31  # of zlib's wbits


def _check_statistics(api: Api) -> str:
    answer = api.expect(200, key=api.key)
    document = _document(answer)
    missing = [name for name in _HEADERS if name not in answer.headers]
    if missing:
        raise UnexpectedError(f"the headers {', '.join(missing)} are missing", "Does a proxy remove them?")
    age = answer.headers["age"]
    seen = f"{sum(map(len, document.values()))} numbers, read {age} s ago"
    absent = [each.key for each in SERVED if each.key not in document.get(each.section, {})]
    if absent:
        advice = "`openl2m-stats doctor` says why."
        raise UnexpectedError(f"{seen}, without {', '.join(absent)}", advice, "warn")
    if "detail=stale" in answer.headers["cache-status"]:
        raise UnexpectedError(f"{seen}: they are stale", "`openl2m-stats doctor` finds the cause.", "warn")
    return seen


def _check_unchanged(api: Api) -> str:
    tag = _tag(api.expect(200, key=api.key))
    for _ in range(_TRIES):
        answer = api.call(key=api.key, If_None_Match=tag)
        if answer.status == 304:
            if answer.content:
                raise UnexpectedError("a 304 has a body")
            return "a call with the current ETag is answered 304"
        tag = _tag(answer)
    raise UnexpectedError("no call with the current ETag is answered 304", "Does a proxy change ETag or If-None-Match?")


def _check_methods(api: Api) -> str:
    head = api.expect(200, method="HEAD", key=api.key)
    if head.content or not _tag(head):
        raise UnexpectedError("HEAD has a body, or no ETag")
    api.expect(200, method="POST", key=api.key)
    api.expect(405, method="DELETE", key=api.key)
    return "HEAD and POST are 200, DELETE is 405"


def _check_history(api: Api) -> str:
    found = api.expect(200, _HISTORY, key=api.key).body
    try:
        days = len(found["days"])
        with_values = sum(each is not None for each in found["database"]["switches"]["values"])
    except (KeyError, TypeError):
        days = 0
    if not days:
        raise UnexpectedError("the history is not the function's own")
    table = api.expect(200, f"{_HISTORY}?format=csv", key=api.key)
    if not table.content.startswith(b"day,source,"):
        raise UnexpectedError("with format=csv, the history is not CSV", "Does a proxy drop the query string?")
    return f"{days} days, {with_values} with numbers, as JSON and CSV"


def _check_compression(api: Api) -> str:
    answer = api.expect(200, _HISTORY, key=api.key, Accept_Encoding="gzip")
    if answer.headers.get("content-encoding") != "gzip":
        raise UnexpectedError("the history comes uncompressed", "Does a proxy remove Accept-Encoding?", "warn")
    try:
        size = len(zlib.decompress(answer.content, _GZIP))
    except zlib.error:
        raise UnexpectedError(
            "Content-Encoding is gzip, but the content is not", "Does API Gateway or a proxy compress it again?"
        ) from None
    return f"gzip, {len(answer.content):,} bytes instead of {size:,}"


def _check_at(api: Api) -> str:
    answer = _newest(api)
    if answer.status == 404:  # the newest may be of this very second
        time.sleep(1)
        answer = _newest(api)
    if answer.status == 404:
        raise UnexpectedError("there is no snapshot of the last day", "`openl2m-stats snapshot` takes one.", "warn")
    _document(answer)
    return f"the newest single snapshot is of {answer.headers.get('last-modified', '?')}"


def _newest(api: Api) -> Answer:
    """Return the answer for now, by the API's own clock: it refuses future times."""
    sent = api.expect(200, key=api.key).headers.get("date", "")
    try:
        now = parsedate_to_datetime(sent)
    except ValueError:
        now = datetime.now(UTC).replace(microsecond=0)
    path = f"{_AT}?time={quote(timestamp(now))}"
    answer = api.call(path, key=api.key)
    return answer if answer.status == 404 else api.expect(200, path, key=api.key)


def _check_metrics(api: Api) -> str:
    text = api.expect(200, _METRICS, key=api.key).content.decode(errors="replace")
    try:
        families = {family.name: family for family in text_string_to_metric_families(text)}
    except ValueError:
        raise UnexpectedError("/metrics is not in Prometheus's format") from None
    if "openl2m_switches" not in families:
        raise UnexpectedError("/metrics has no switches", "`openl2m-stats doctor` says why.")
    labels = [sample.labels for name in families for sample in families[name].samples if name == "openl2m_stats_info"]
    version = printable(labels[0].get("version", "?")) if labels else "?"
    other = "" if version == __version__ else f"; this command is {__version__}"
    return f"{len(families)} metrics of version {version}{other}"


def _tag(answer: Answer) -> str:
    return answer.headers.get("etag", "")


def _document(answer: Answer) -> Mapping[str, Mapping[str, Any]]:
    body = answer.body
    if not isinstance(body, dict) or not all(isinstance(section, dict) for section in body.values()):
        raise UnexpectedError("the answer is not the function's own", "Do all paths lead to the function?")
    return body


CHECKS: Mapping[str, Check] = {
    "statistics": _check_statistics,
    "304": _check_unchanged,
    "methods": _check_methods,
    "history": _check_history,
    "compression": _check_compression,
    "earlier time": _check_at,
    "metrics": _check_metrics,
}
