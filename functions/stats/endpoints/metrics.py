"""`/metrics`: the statistics as metrics, in the formats that Prometheus reads.

prometheus_client takes long to import, so api.py imports this module for the first scrape.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder

from stats import __version__
from stats.app import App
from stats.base.deadline import Deadline
from stats.endpoints.statistics import caching_headers
from stats.http.request import Request
from stats.http.response import Answer, entity_tag
from stats.numbers.catalogue import STATISTICS, Counter, Document, Statistic

_VERSION = re.compile(r";\s*version=([^;]*)")
_VERSIONS = {"0.0.1", "0.0.4", "1.0.0"}


@dataclass(frozen=True)
class Family:
    """The statistics of one metric; the label `window` distinguishes them if they have windows."""

    name: str
    statistics: tuple[Statistic, ...]

    @property
    def is_counter(self) -> bool:
        """Whether the name of its series ends with `_total`, and the value never falls."""
        return isinstance(self.statistics[0].measure, Counter)

    @property
    def help(self) -> str:
        """Its HELP text: what it counts, for each window where that differs."""
        windows: dict[str, list[str]] = {}
        for statistic in self.statistics:
            windows.setdefault(statistic.counts, []).append(statistic.window.value if statistic.window else "")
        if len(windows) == 1:
            return self.statistics[0].counts
        return " ".join(f"{', '.join(names)}: {counts}" for counts, names in windows.items())


def families(statistics: Sequence[Statistic] = STATISTICS) -> list[Family]:
    """Return the metrics of some statistics, in the order of each one's first."""
    grouped: dict[str, list[Statistic]] = {}
    for statistic in statistics:
        grouped.setdefault(f"openl2m_{statistic.family}", []).append(statistic)
    return [Family(name, tuple(members)) for name, members in grouped.items()]


def metrics(
    document: Document, taken_at: datetime, snapshot_taken_at: datetime | None, label: str | None
) -> Iterator[Metric]:
    """Yield the metrics of a document whose numbers were read at an instant. Missing numbers are omitted.

    `snapshot_taken_at` is the newest snapshot's instant, and `label` the name of this deployment, if there are any.
    """
    for family in families():
        kind = CounterMetricFamily if family.is_counter else GaugeMetricFamily
        labels = [] if family.statistics[0].window is None else ["window"]
        metric = kind(family.name, family.help, labels=labels)
        for statistic in family.statistics:
            entry = document.get(statistic.section, {}).get(statistic.key)
            if entry:
                metric.add_metric([statistic.window.value] if statistic.window else [], float(entry["value"]))
        if metric.samples:
            yield metric
    name, described = "openl2m_stats_timestamp_seconds", "When the numbers were read from the database, in Unix time."
    yield GaugeMetricFamily(name, described, taken_at.timestamp(), unit="seconds")
    if snapshot_taken_at:
        name, described = (
            "openl2m_stats_snapshot_timestamp_seconds",
            "When the newest snapshot was taken, in Unix time.",
        )
        yield GaugeMetricFamily(name, described, snapshot_taken_at.timestamp(), unit="seconds")
    info = {"version": __version__, **({"deployment": label} if label else {})}
    yield InfoMetricFamily("openl2m_stats", "The version of openl2m-stats, and what the deployment is called.", info)


@dataclass(frozen=True)
class _Collector:
    """The interface that prometheus_client expects of a registry."""

    collect: Callable[[], Iterator[Metric]]


def answer(app: App, request: Request, deadline: Deadline) -> Answer:
    """Return the metrics, in the format that the Accept header prefers. Raise UnavailableError."""
    statistics, origin = app.service.statistics(deadline)
    newest, label = app.service.snapshot_taken_at, app.settings.stack_label
    registry = CollectorRegistry()
    registry.register(_Collector(partial(metrics, statistics.document, statistics.taken_at, newest, label)))
    accept = ",".join(request.headers.get("accept", []))
    encode, content_type = choose_encoder(",".join(filter(_is_known, accept.split(","))))
    body = encode(registry).decode()
    headers = caching_headers(statistics, origin, app.settings.cache_ttl_seconds, deadline.now)
    headers |= {"ETag": entity_tag(body), "Vary": "Authorization, Accept"}
    return Answer(body, content_type, headers, statistics.taken_at)


def _is_known(accepted: str) -> bool:
    # choose_encoder() fails for a version that is not a number, and treats any later one as its own.
    return {version.strip() for version in _VERSION.findall(accepted)} <= _VERSIONS
