from datetime import UTC, datetime, timedelta

from stats.backoff import Backoff

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NONE = timedelta()


def test_waits_double_up_to_half_a_minute() -> None:
    backoff = Backoff()
    waits = []
    for _ in range(7):
        wait = backoff.failed(NOW, 0)
        assert backoff.remaining(NOW) == wait
        waits.append(wait.total_seconds())
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_an_outage_of_days_overflows_nothing() -> None:
    backoff = Backoff()
    for _ in range(10_000):
        backoff.failed(NOW, 0)
    assert backoff.remaining(NOW) == timedelta(seconds=30)


def test_the_wait_begins_when_the_failed_try_ended() -> None:
    backoff = Backoff()
    assert backoff.failed(NOW, took_seconds=25) == timedelta(seconds=1)
    assert backoff.remaining(NOW + timedelta(seconds=25)) == timedelta(seconds=1)
    assert backoff.remaining(NOW + timedelta(seconds=26)) == NONE


def test_a_success_ends_it() -> None:
    backoff = Backoff()
    assert backoff.remaining(NOW) == NONE
    backoff.failed(NOW, 0)
    backoff.failed(NOW, 0)
    backoff.succeeded()
    assert backoff.remaining(NOW) == NONE
    backoff.failed(NOW, 0)
    assert backoff.remaining(NOW) == timedelta(seconds=1)


def test_a_clock_that_was_set_back_does_not_prolong_it() -> None:
    backoff = Backoff()
    backoff.failed(NOW, 0)
    assert backoff.remaining(NOW - timedelta(days=1)) == NONE
