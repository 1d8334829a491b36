"""Events of any shape get the answer that the decision table has for them, never an exception, and tell no secret."""

import contextlib
import gc
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.servers.databases import Database, Server
from tests.integration.conftest import AWS, Container, Response, token_record
from tests.support import leaks
from tests.support.databases import server_database
from tests.support.events import CLIENT, FORMATS, PATH

DOCUMENTED = {200, 204, 304, 400, 401, 404, 405, 503}
# The keys are the same in every run, as the examples are.
KEY, BOUND, EXPIRED, OFF = (f"{digit}123456789abcdef0123456789abcdef0123456{digit}" for digit in "0123")
TOKENS = [
    token_record(KEY, name="key"),
    token_record(BOUND, name="bound", allowed_ips=[CLIENT]),
    token_record(EXPIRED, name="expired", expires="2020-01-01T00:00:00Z"),
    token_record(OFF, name="off", active=False),
]
SITUATIONS: dict[str, dict[str, str]] = {
    "well": {},
    "asking each time": {"CACHE_TTL_SECONDS": "0"},
    "no database": {"DATABASE_SECRET_ID": "nothing"},
    "no registry": {"TOKENS_SECRET_ID": "nothing"},
    "switched off": {"API_ENABLED": "false"},
}

halves = st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=2)
texts = st.text(max_size=30) | st.text(alphabet=st.characters(max_codepoint=0x7F), max_size=10) | halves
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mostly(draw: st.DrawFn, *values: str) -> str:
    """Return one of the values, and any text one time in ten."""
    return draw(st.sampled_from(values) if draw(st.integers(1, 10)) < 10 else texts)


methods = mostly("GET", "GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "get", "GET ")
paths = mostly(PATH, PATH, PATH, PATH, "/api/stats", "/%61pi/stats/", "/prod/api/stats/", "/api/stats//")
clients = mostly(CLIENT, f"::ffff:{CLIENT}", "198.51.100.1", "2001:db8::1", f"{CLIENT}, 10.0.0.1")
keys = st.sampled_from([KEY, KEY, KEY, KEY, KEY, BOUND, EXPIRED, OFF])
ODD = ["0", " ", "\t", "\0", "\n", ",", "Token", KEY, "\u0661", "\uff10", "\u212a", "\ud83d"]


@st.composite
def authorizations(draw: st.DrawFn) -> str:
    """Return an `Authorization` value: a usable one, or one that is nearly that."""
    key = draw(keys)
    form = draw(st.sampled_from(["usable"] * 4 + ["scheme", "space", "case", "damage"]))
    if form == "scheme":
        return draw(st.sampled_from(["token ", "TOKEN ", "Bearer ", "to\u212aen ", "Token", ""])) + key
    if form == "space":
        return draw(st.sampled_from(["Token\t", " Token \t", "Token\n", "Token: ", "Token,", "Token\u00a0"])) + key
    if form == "case":
        return f"Token {draw(st.sampled_from([key.upper(), key.title()]))}"
    value = f"Token {key}"
    for _ in range(draw(st.integers(1, 2)) if form == "damage" else 0):
        place = draw(st.integers(0, len(value)))
        put_in = draw(st.sampled_from(ODD) | texts)
        value = value[:place] + put_in + value[place + draw(st.integers(0, 3)) :]
    return value


authorization_names = st.sampled_from(["Authorization", "authorization"])
other_headers = st.tuples(
    mostly("If-None-Match", "If-Modified-Since", "Accept", "X-Forwarded-For"),
    mostly("*", '"a", W/"b"', "Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23", CLIENT),
)
headers = st.builds(
    lambda authorizations, others: [*authorizations, *others],
    st.sampled_from([1] * 8 + [0, 2]).flatmap(
        lambda count: st.lists(st.tuples(authorization_names, authorizations()), min_size=count, max_size=count)
    ),
    st.lists(other_headers, max_size=3),
)


@dataclass(frozen=True)
class Request:
    """A request as a caller makes it, and the payload format that it arrives in."""

    format: str
    method: str
    path: str
    headers: list[tuple[str, str]]
    client: str

    @property
    def event(self) -> dict[str, Any]:
        return FORMATS[self.format](self.method, self.path, self.headers, self.client)

    @property
    def key(self) -> str | None:
        """What may be the key of the one `Authorization` header, and surely is none of another form."""
        values = [value for name, value in self.headers if name.lower() == "authorization"]
        words = re.split("[ \t]+", values[0].strip(" \t")) if len(values) == 1 else []
        return words[1] if len(words) == 2 and words[0].isascii() and words[0].lower() == "token" else None

    def expected(self, situation: str) -> set[int]:
        """Return the statuses that the decision table leaves."""
        ours = {"/api/stats/", "/api/stats", "/%61pi/stats/", *(["/prod/api/stats/"] if self.format == "1.0" else [])}
        if self.path not in ours:
            return {404}
        if situation == "switched off":
            return {401}
        if self.method == "OPTIONS":
            return {204}
        if not re.fullmatch("[0-9a-f]{40}", self.key or "", re.ASCII):
            return {401}
        if situation == "no registry":
            return {503}
        if self.key not in {KEY, *([BOUND] if self.client in {CLIENT, f"::ffff:{CLIENT}"} else [])}:
            return {401}
        if self.method not in {"GET", "HEAD", "POST"}:
            return {405}
        if situation == "no database":
            return {503}
        return {200} if self.method == "POST" else {200, 304}


requests = st.builds(Request, st.sampled_from(sorted(FORMATS)), methods, paths, headers, clients)


@st.composite
def damaged_events(draw: st.DrawFn) -> Any:
    """Return an event some of whose values, at any depth, are replaced or gone."""
    event = draw(requests).event
    for _ in range(draw(st.integers(1, 3))):
        place = event
        while True:
            key = draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            break
        if draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(json_values)
        if not event:
            break
    return event


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """Undo conftest.py's gc.freeze(): Hypothesis warns when it cannot find what refers to its random generator."""
    gc.unfreeze()
    yield
    gc.freeze()


any_event = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(params=[pytest.param(name, marks=[] if name == "well" else [pytest.mark.slow]) for name in SITUATIONS])
def situation(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def container(situation: str, aws: AWS, sqlite_db: Database, new_container: Callable[..., Container]) -> Container:
    aws.put_database(sqlite_db.secret())
    aws.put_tokens(*TOKENS)
    return new_container(**SITUATIONS[situation])


def check(container: Container, event: Any) -> Response:
    answer = container.invoke(event)
    assert answer.status in DOCUMENTED
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in answer.headers.items())
    if answer.body:
        assert list(answer.json) == (["database", "usage"] if answer.status == 200 else ["detail"])
    return answer


@any_event
@given(event=json_values)
def test_any_json(container: Container, event: Any) -> None:
    assert check(container, event).status == 400


@any_event
@given(request=requests)
def test_any_request(container: Container, situation: str, request: Request) -> None:
    assert check(container, request.event).status in request.expected(situation)


@any_event
@given(event=damaged_events())
def test_any_damage(container: Container, event: Any) -> None:
    if check(container, event).status in {200, 304}:
        assert any(key in json.dumps(event) for key in (KEY, BOUND))


@contextlib.contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Hear all that any logger says, at the level that Lambda gives the root logger for LogLevel=DEBUG."""
    root, output = logging.getLogger(), io.StringIO()
    level, handler = root.level, logging.StreamHandler(output)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield output
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def test_no_output_holds_a_secret_at_any_level(
    plain_server: Server,
    aws: AWS,
    new_container: Callable[..., Container],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    key = leaks.new_key()
    records = [token_record(key), token_record(leaks.new_key())]
    for record in records:
        leaks.remember(record["sha256"])
    aws.put_tokens(*records)
    monkeypatch.setenv("AWS_SESSION_TOKEN", leaks.new_password())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", leaks.new_password())
    with server_database(plain_server) as database:
        aws.put_database(database.secret())
        with everything_logged() as logged:
            container = new_container(CACHE_TTL_SECONDS=0)

            @settings(parent=any_event, max_examples=100)
            @given(request=requests)
            def ask(request: Request) -> None:
                container.invoke(json.loads(json.dumps(request.event).replace(KEY, key)))

            ask()
            assert container.get(key).status == 200
            database.set_password(leaks.new_password())  # which the secret does not know
            container.close()
            assert container.get(key).headers["Cache-Status"].endswith("detail=stale")
    output = logged.getvalue() + "".join(capfd.readouterr())
    assert "CacheMiss" in output
    assert "database failed" in output
    assert not leaks.found_in(output)
