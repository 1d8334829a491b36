"""What series of Prometheus' belong to the numbers of a JSON document, and what an answer has."""

from typing import Any

from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics

from stats.numbers.catalogue import STATISTICS, Counter

# The value of each series, by its name and its window.
Series = dict[tuple[str, str | None], float]


def series(document: Any) -> Series:
    """Return the series of the statistics that a document has."""
    found: Series = {}
    for statistic in STATISTICS:
        if statistic.key in document.get(statistic.section, {}):
            suffix = "_total" if isinstance(statistic.measure, Counter) else ""
            window = statistic.window.value if statistic.window else None
            # Every number of Prometheus' is a float: the largest that OpenL2M can count up to is rounded.
            value = float(document[statistic.section][statistic.key]["value"])
            found[f"openl2m_{statistic.family}{suffix}", window] = value
    return found


def parse(content_type: str, body: str) -> Series:
    """Return the series of an answer, as prometheus_client's own parser of its format reads them."""
    parser = text if content_type.startswith("text/plain;") else openmetrics
    found: Series = {}
    for family in parser.text_string_to_metric_families(body):
        for sample in family.samples:
            key = sample.name, sample.labels.get("window")
            assert key not in found
            found[key] = sample.value
    return found
