"""What `openl2m-stats check` prints and exits with; tests/integration/test_check.py runs it as a process."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from openl2m_stats.cli import main
from tests.support import leaks
from tests.support.api import API, DOCUMENT, FRESH

DATA = re.compile(r"[a-z0-9_]+=-?\d+[sc]?;(\d+)?;(\d+:)?;0")

Check = Callable[..., tuple[int, str]]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = leaks.new_key()
    monkeypatch.setenv("OPENL2M_STATS_KEY", key)
    return key


@pytest.fixture
def check(key: str, capsys: pytest.CaptureFixture[str]) -> Check:
    """Run the command; return its exit code and its line. Whatever happens, the key is in no output."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["check", *arguments])
        out, err = capsys.readouterr()
        assert not leaks.found_in(out + err)
        assert err == ""
        assert out.count("\n") == 1
        return code, out.rstrip("\n")

    return run


@pytest.fixture
def api() -> Iterator[API]:
    yield from API.run()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--max-age", "12"], 0, "1246 switches"),
        (["--max-age", "11"], 1, "the numbers are 12 s old, more than 11 s"),
        (["--min", "switches=1246"], 0, "1246 switches"),
        (["--min", "switches=1247"], 2, "switches is 1246, less than 1247"),
        (["--min", "database.switches=1247"], 2, "switches is 1246, less than 1247"),
        (["--min", "switches=0", "--min", "users_today=10"], 2, "users_today is 9, less than 10"),
        (["--min", "switchs=1"], 3, "there is no number switchs (did you mean switches?)"),
        (["--min", "nothing=1"], 3, "there is no number nothing |"),
        (["--min", "vlans=1"], 3, "the deployment cannot read vlans |"),
        (["--min", "switchs=1", "--max-age", "1"], 3, "did you mean switches?), the numbers are 12 s old"),
        (["--min", "switchs=1", "--min", "users_today=10"], 2, "users_today is 9, less than 10"),
    ],
)
def test_limits(arguments: list[str], code: int, text: str, api: API, check: Check) -> None:
    found, line = check("--url", api.url, *arguments)
    assert found == code
    assert line.startswith(f"OPENL2M {['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][code]} - ")
    assert text in line
    numbers = line.partition(" | ")[2].split()
    assert all(DATA.fullmatch(each) for each in numbers)
    assert len(numbers) == 6


def test_limits_are_in_the_performance_data(api: API, check: Check) -> None:
    _, line = check("--url", api.url, "--max-age", "60", "--min", "switches=1000")
    assert " age=12s;60;;0 switches=1246;;1000:;0 " in line


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "text"),
    [
        (401, {}, '{"detail":"A valid token is required."}', 3, "the token is not accepted (401)"),
        (404, {}, '{"detail":"There is nothing here."}', 3, "answers 404: There is nothing here."),
        (403, {}, "<h1>Forbidden</h1>", 3, "answers 403"),
        (302, {"Location": "https://elsewhere.example.com/"}, "", 3, "redirects (302)"),
        (429, {}, '{"message":"Too Many Requests"}', 2, "answers 429"),
        (500, {}, "", 2, "answers 500"),
        (503, {"Retry-After": "30"}, '{"detail":"Away | a while"}', 2, "answers 503: Away / a while"),
        (503, {"Retry-After": "30"}, '{"detail":"\\u001b[31mred\\n"}', 2, "[31mred"),
        (200, FRESH, "<h1>Maintenance</h1>", 2, "does not answer with OpenL2M's statistics"),
        (200, FRESH, "[]", 2, "does not answer with OpenL2M's statistics"),
        (200, FRESH, '{"database":{"switches":7},"usage":[]}', 2, "does not answer with OpenL2M's statistics"),
        (200, {}, json.dumps(DOCUMENT), 3, "the answer has no age"),
        (200, {"Age": "soon"}, json.dumps(DOCUMENT), 3, "the answer has no age"),
    ],
)
def test_other_answers(
    status: int, headers: dict[str, str], body: str, code: int, text: str, api: API, check: Check
) -> None:
    api.status, api.headers, api.body = status, headers, body
    found, line = check("--url", api.url)
    assert found == code
    assert line.startswith("OPENL2M ")
    assert text in line
    assert line.isprintable()
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Missing option '--url'"),
        (["--url", "stats.example.com"], "--url: it takes the API's address"),
        (["--url", "https://"], "--url: it takes the API's address"),
        (["--url", "https://[{key}"], "--url: it takes the API's address"),
        (["--url", "https://user:{key}@stats.example.com"], "--url: it takes the API's address"),
        (["--url", "https://stats.example.com?token={key}"], "--url: it takes the API's address"),
        (["--url", "http://stats.example.com"], "--url: it takes https"),
        (["--url", "https://x", "--max-age", "soon"], "--max-age: it takes whole seconds"),
        (["--url", "https://x", "--timeout", "0"], "--timeout: it takes whole seconds"),
        (["--url", "https://x", "--min", "switches"], "--min: it takes a statistic and a number"),
        (["--url", "https://x", "--min", "switches=-1"], "--min: it takes a statistic and a number"),
        (["--url", "https://x", "{key}"], "too many arguments"),
        (["--url", "https://x", "--key", "{key}"], "no such option"),
        (["--url", "https://x", "--key-file", "/nowhere"], "--key-file cannot be read: No such file"),
    ],
)
def test_wrong_usage_is_unknown_and_repeats_no_key(arguments: list[str], text: str, check: Check, key: str) -> None:
    found, line = check(*(argument.format(key=key) for argument in arguments))
    assert found == 3
    assert line.startswith("OPENL2M UNKNOWN - ")
    assert text in line
