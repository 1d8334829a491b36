"""The page as the handler answers it: status, headers, policy and size; tests/browser runs it."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
from base64 import b64encode
from typing import Any

import pytest

from dev.servers.databases import Database
from stats.numbers.catalogue import STATISTICS
from tests.integration.conftest import AWS, Response
from tests.support import leaks
from tests.support.databases import ROOT
from tests.support.events import FORMATS

ALLOW = "GET, HEAD, OPTIONS"
PROBLEM = {"Content-Type": "application/json", "Cache-Control": "no-store"}


@pytest.fixture
def key(aws: AWS, sqlite_db: Database) -> str:
    aws.put_database(sqlite_db.secret())
    return aws.new_token()


@pytest.fixture
def page(key: str, new_container: Any) -> Response:
    found: Response = new_container().get(path="/")
    return found


def uncompressed(page: Response) -> dict[str, str]:
    """Return the headers where the gateway compresses: those of format 1.0."""
    return {name: value for name, value in page.headers.items() if name != "Vary"}


def hash_of(element: str, body: str) -> str:
    """Return the hash that a policy must name for the one element of this name that the page has."""
    [code] = re.findall(rf"<{element}>(.*?)</{element}>", body, re.DOTALL)
    return f"'sha256-{b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def test_status_and_headers(page: Response) -> None:
    assert page.status == 200
    assert page.headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Allow": ALLOW,
        "ETag": page.headers["ETag"],
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
        "Content-Security-Policy": (
            f"default-src 'none'; script-src {hash_of('script', page.body)}; style-src {hash_of('style', page.body)}; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    }
    assert re.fullmatch(r'"[0-9a-f]{32}"', page.headers["ETag"])


def test_it_is_one_small_document_that_names_no_other_host(page: Response) -> None:
    assert len(page.body.encode()) <= 60_000
    assert len(gzip.compress(page.body.encode())) <= 20_000
    assert page.body.startswith("<!doctype html>")
    assert not re.search(r"\sstyle=", page.body)
    assert not re.search(r"\son\w+=", page.body)
    assert "innerHTML" not in page.body
    addresses = re.findall(r"(?:src|href|action|url)\s*[=(]\s*[\"']?([^\"'\s>]+)", page.body)
    assert {address.strip("`").partition(",")[0] for address in addresses} == {"data:image/svg+xml"}
    # The names of SVG are no addresses.
    assert set(re.findall(r"\w+://[^\s\"']+", page.body)) == {"http://www.w3.org/2000/svg"}


def test_leaving_out_spaces_changes_no_text(page: Response) -> None:
    texts = [
        text
        for path in (ROOT / "functions/stats/endpoints/web").glob("*.js")
        for line in path.read_text().splitlines()
        if not line.lstrip().startswith("//")
        and not re.search(r"\[[^\]]*\"[^\]]*\]\S*/", line)  # where quotes are no quotes
        for text in re.findall(r'"[^"\n]*"|`[^`\n]*`', line.partition(" // ")[0])
    ]
    assert len(texts) > 450
    assert [text for text in texts if text not in page.body] == []


def test_it_names_the_deployment(key: str, page: Response, new_container: Any) -> None:
    assert "<title>OpenL2M statistics</title>" in page.body
    named = new_container(STACK_LABEL="Campus <i>Zürich</i> & ${x}").get(path="/")
    label = "Campus &lt;i&gt;Zürich&lt;/i&gt; &amp; ${x}"
    assert f"<title>{label} · OpenL2M statistics</title>" in named.body
    assert f'<bdi id="stack">{label}</bdi>' in named.body
    assert named.headers["ETag"] != page.headers["ETag"]
    longest = new_container(STACK_LABEL="Campus Zürich, Rechenzentrum West 12345").get(path="/")
    assert len(gzip.compress(longest.body.encode())) <= 20_000


def test_it_brings_what_each_number_counts(page: Response) -> None:
    [text] = re.findall(r'<script type="application/json" id="catalogue">(.*?)</script>', page.body, re.DOTALL)
    counts, found = None, []
    for section, keys in json.loads(text).items():
        for key, (label, *own) in keys.items():
            counts = own[0] if own else counts
            found.append((section, key, label, counts))
    assert found == [(each.section, each.key, each.label, each.counts) for each in STATISTICS]
    assert "<" not in text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_needs_no_token_and_no_permitted_address(
    method: str, build: Any, key: str, page: Response, new_container: Any
) -> None:
    container = new_container(CLIENT_IP_ALLOWED="192.0.2.0/24")
    for token in (None, key, leaks.new_key()):
        answer = container.get(token, method=method, path="/", build=build)
        headers = uncompressed(page) if build is FORMATS["1.0"] else page.headers
        assert answer == Response(200, headers, page.body if method == "GET" else "")


def test_it_needs_no_secret_and_no_database(aws: AWS, new_container: Any) -> None:
    aws.put_registry("{")
    aws.put_database("{")
    assert new_container().get(path="/").status == 200


@pytest.mark.parametrize("path", ["/prod", "/prod/", "/"])
def test_a_stage_may_come_before_it(path: str, page: Response, new_container: Any) -> None:
    found = new_container().get(path=path, build=FORMATS["1.0"])
    assert found == Response(200, uncompressed(page), page.body)
    event = FORMATS["2.0"](path=path)
    event["requestContext"]["stage"] = "prod"
    assert new_container().invoke(event) == page


@pytest.mark.parametrize("path", ["/prod", "/x", "/prod//"])
def test_another_path_is_not_the_page(path: str, key: str, new_container: Any) -> None:
    assert new_container().get(path=path).status == 404


def test_options(build: Any, key: str, new_container: Any) -> None:
    assert new_container().get(method="OPTIONS", path="/", build=build) == Response(204, {"Allow": ALLOW}, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", ""])
def test_other_methods(method: str, build: Any, key: str, new_container: Any) -> None:
    container = new_container()
    for token in (None, key):
        answer = container.get(token, method=method, path="/", build=build)
        assert (answer.status, answer.headers) == (405, {**PROBLEM, "Allow": ALLOW})


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("variable", ["PAGE_ENABLED", "API_ENABLED"])
def test_switched_off(variable: str, method: str, build: Any, key: str, new_container: Any) -> None:
    container = new_container(**{variable: "false"})
    answer = container.get(key, method=method, path="/", build=build)
    assert (answer.status, answer.headers) == (404, PROBLEM)
    assert container.get(key, build=build).status == (200 if variable == "PAGE_ENABLED" else 401)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_that_has_it_is_told_so(method: str, build: Any, page: Response, new_container: Any) -> None:
    container = new_container()
    for tag in (page.headers["ETag"], f"W/{page.headers['ETag']}", f'"x", {page.headers["ETag"]}', "*"):
        answer = container.get(None, ("If-None-Match", tag), method=method, path="/", build=build)
        assert (answer.status, answer.body) == (304, "")
        assert answer.headers.items() <= page.headers.items()
        assert {"ETag", "Cache-Control"} <= answer.headers.keys()
    assert container.get(None, ("If-None-Match", '"x"'), method=method, path="/", build=build).status == 200
    later = ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")  # it has no date to compare with
    assert container.get(None, later, method=method, path="/", build=build).status == 200


def test_it_is_put_together_at_the_first_request_for_it(aws: AWS, sqlite_db: Database) -> None:
    aws.put_database(sqlite_db.secret())
    key = aws.new_token()
    stats, page = FORMATS["2.0"](headers=[("Authorization", f"Token {key}")]), FORMATS["2.0"](path="/")
    program = f"""
import json, sys
opened = []
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))
from stats import api
touched = lambda: sorted({{name.rpartition("/")[2] for name in opened if "/stats/endpoints/web/" in name}})
print(api.handler({stats!r}, None)["statusCode"], touched(), "stats.endpoints.page" in sys.modules, file=sys.stderr)
print(api.handler({page!r}, None)["statusCode"], touched(), "stats.endpoints.page" in sys.modules, file=sys.stderr)
opened.clear()
print(api.handler({page!r}, None)["statusCode"], touched(), file=sys.stderr)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "functions", capture_output=True, text=True, check=True
    )
    files = sorted(path.name for path in (ROOT / "functions/stats/endpoints/web").iterdir())
    assert ran.stderr.splitlines() == ["200 [] False", f"200 {files} True", "200 []"]


def test_an_event_file_asks_for_it(key: str, page: Response, new_container: Any) -> None:
    assert new_container().invoke(json.loads((ROOT / "events/get_page.json").read_text())) == page
