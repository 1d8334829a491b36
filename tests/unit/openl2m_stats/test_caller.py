"""A call of the API: the key, the address, the answer."""

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from werkzeug import Request, Response

from openl2m_stats.caller import KEY_VARIABLE, NoAnswerError, NoKeyError, call, get, read_key, statistics_url
from tests.support.wsgi import served

KEY = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f"grafana\t{KEY}\n"])
def test_a_key_from_a_file_or_the_environment(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(text)
    assert read_key(str(tmp_path / "key")) == KEY
    monkeypatch.setenv(KEY_VARIABLE, text)
    assert read_key(None) == KEY


def test_a_file_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "f" * 40)
    (tmp_path / "key").write_text(KEY)
    assert read_key(str(tmp_path / "key")) == KEY


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"hunter2", "the file of --key-file has no key"),
        (KEY.upper().encode(), "the file of --key-file has no key"),
        (b"\xff", "cannot be read: it is not text"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_without_a_key(content: bytes | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoKeyError, match=problem) as error:
        read_key(str(path))
    assert "hunter2" not in str(error.value)


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(NoKeyError, match="there is no token: name a file with --key-file, or set OPENL2M_STATS_KEY"):
        read_key(None)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://stats.example.com", "https://stats.example.com/api/stats/"),
        ("https://stats.example.com/", "https://stats.example.com/api/stats/"),
        ("https://stats.example.com/api/stats", "https://stats.example.com/api/stats/"),
        ("https://stats.example.com/prod", "https://stats.example.com/prod/api/stats/"),
        ("https://stats.example.com:8443/prod/api/stats/", "https://stats.example.com:8443/prod/api/stats/"),
        ("http://localhost:8000", "http://localhost:8000/api/stats/"),
        ("http://[::1]:8000", "http://[::1]:8000/api/stats/"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert statistics_url(text) == url


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("http://stats.example.com", "it takes https: over http, anyone on the way could read the token"),
        ("stats.example.com", "it takes the API's address"),
        ("ftp://stats.example.com", "it takes the API's address"),
        ("https://ann:hunter2@stats.example.com", "it takes the API's address"),
        ("https://stats.example.com:hunter2", "it takes the API's address"),
        ("https://stats.example.com/?key=hunter2", "it takes the API's address"),
    ],
)
def test_other_addresses_are_refused_and_not_repeated(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        statistics_url(text)
    assert "hunter2" not in str(error.value)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = int(self.path.strip("/"))
        self.send_response(status)
        self.send_header("Age", "5")
        self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b'{"detail": "x"}' if status == 200 else b"<html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Generator[str]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "body"), [(200, {"detail": "x"}), (302, None), (503, None)])
def test_every_status_is_an_answer_and_no_redirect_is_followed(status: int, body: object, server: str) -> None:
    answer = get(f"{server}/{status}", KEY, 10)
    assert (answer.status, answer.headers["age"], answer.body) == (status, "5", body)


def test_no_answer() -> None:
    with HTTPServer(("127.0.0.1", 0), _Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/200"
    with pytest.raises(NoAnswerError, match="Connection refused"):
        get(url, KEY, 10)


def test_a_call_of_another_method_with_headers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, dict[str, str]]] = []

    def respond(request: Request) -> Response:
        seen.append((request.method, dict(request.headers)))
        return Response(b"\x1f\x8bnot text", 405, {"Allow": "GET"})

    with served(Request.application(respond)) as url:
        answer = call(url, 10, {"Accept-Encoding": "gzip"}, "DELETE")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert (answer.body, answer.content) == (None, b"\x1f\x8bnot text")
    [(method, headers)] = seen
    assert (method, headers["Accept-Encoding"]) == ("DELETE", "gzip")
    assert headers["User-Agent"].startswith("openl2m-stats/")
    assert "Authorization" not in headers
