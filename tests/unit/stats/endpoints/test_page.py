"""The page is one document, whose policy permits the code that is in it and no other."""

import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

import pytest

from stats.endpoints import page
from stats.endpoints.page import _catalogue, _page
from stats.numbers.catalogue import STATISTICS

FILES = Path(page.__file__).parent / "web"


@pytest.mark.parametrize("tag", ["script", "style"])
def test_the_policy_permits_the_code_that_is_there(tag: str) -> None:
    answer = _page(None)
    [code] = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.body, re.DOTALL)
    digest = b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"{tag}-src 'sha256-{digest}';" in answer.headers["Content-Security-Policy"]
    assert len(code) > 1000


def test_the_document_refers_to_no_other_file_and_names_no_placeholder() -> None:
    body = _page("a stack").body
    assert not re.search(r'(?:src|href)="(?!data:)[^"#]*\.(?:css|js)"', body)
    assert not re.search(r"\$(?:title|stack|catalogue)\b", body)


def test_every_file_of_code_is_referred_to() -> None:
    index = (FILES / "index.html").read_text(encoding="utf-8")
    code = {path.name for path in FILES.iterdir() if path.suffix in {".css", ".js"}}
    assert set(re.findall(r'"([a-z]+\.(?:css|js))"', index)) == code


def test_a_label_is_text_never_markup() -> None:
    label = '</title><script>alert("&")</script>'
    body = _page(label).body
    assert label not in body
    assert "&lt;/title&gt;&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt; · OpenL2M statistics" in body
    assert "<title>OpenL2M statistics</title>" in _page(None).body


def test_each_label_has_a_document_and_a_validator_of_its_own() -> None:
    one, two = _page("one"), _page("two")
    assert one.headers["ETag"] != two.headers["ETag"]
    assert _page("one") is one


def test_what_people_alone_read_is_left_out_of_the_code() -> None:
    body = _page(None).body
    assert not re.search(r"^\s+\S", body, re.MULTILINE)
    assert not re.search(r"^// ", body, re.MULTILINE)


def test_the_catalogue_has_every_statistic_and_ends_no_element() -> None:
    text = _catalogue()
    assert "<" not in text
    sections = json.loads(text)
    shown = {key: texts for entries in sections.values() for key, texts in entries.items()}
    assert list(shown) == [statistic.key for statistic in STATISTICS]
    counts = None
    for statistic in STATISTICS:
        label, *rest = shown[statistic.key]
        counts = rest[0] if rest else counts
        assert (label, counts) == (statistic.label, statistic.counts)
