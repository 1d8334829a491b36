"""The page at `/`: the files of web/ as one document, with headers that allow no other code to run.

api.py imports this module for the first request for the page.
"""

import hashlib
import html
import json
import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from string import Template

from stats.app import App
from stats.base.deadline import Deadline
from stats.http.request import Request
from stats.http.response import Answer, entity_tag
from stats.numbers.catalogue import STATISTICS

_FILES = Path(__file__).parent / "web"
_STYLES = re.compile(r'(?:<link rel="stylesheet" href="[a-z]+\.css">\n)+')
_SCRIPTS = re.compile(r'(?:<script src="[a-z]+\.js"></script>\n)+')
_NAME = re.compile(r'"([a-z]+\.(?:css|js))"')
# Only for readers of the source: indentation, comments and, outside of texts, spaces around signs and other long forms.
_INDENTATION = re.compile(r"^\s+", re.MULTILINE)
_COMMENTS = re.compile(r"^// .*\n| // .*$", re.MULTILINE)
_TEXTS = re.compile(r'("[^"\n]*"|`[^`\n]*`)')
_SHORTER = {
    "style": ((r"\s*([{};,])\s*|(?<=:) ", r"\1"), (r"\b0(?=\.\d)", "")),
    "script": ((r"\s*([-=+*/%<>!&|?:,;{}()[\]])\s*", r"\1"), (r"\bconst ", "let "), (r"(?<!\w)\((\w+)\)=>", r"\1=>")),
}


def answer(app: App, _request: Request, _deadline: Deadline) -> Answer:
    """Return the page."""
    return _page(app.settings.stack_label)


@cache
def _page(label: str | None) -> Answer:
    name = html.escape(label or "")
    title = f"{name} · OpenL2M statistics" if name else "OpenL2M statistics"
    template = Template(_read("index.html"))
    document = template.substitute(title=title, stack=name, catalogue=_catalogue())
    document, style = _inline(document, _STYLES, "style")
    document, script = _inline(document, _SCRIPTS, "script")
    document = document.replace(">\n<", "><")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "ETag": entity_tag(document),
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        # Browsers ignore it over HTTP, so it does not affect `make run`.
        "Strict-Transport-Security": "max-age=31536000",
    }
    return Answer(document, "text/html; charset=utf-8", headers)


def _catalogue() -> str:
    """Return `{section: {key: [label, what it counts]}}` as JSON in which no text can end the element.

    What counts the same as the statistic before leaves that out.
    """
    sections: dict[str, dict[str, list[str]]] = {}
    before = None
    for statistic in STATISTICS:
        texts = [statistic.label] if statistic.counts == before else [statistic.label, statistic.counts]
        sections.setdefault(statistic.section, {})[statistic.key] = texts
        before = statistic.counts
    return json.dumps(sections, ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")


def _inline(document: str, references: re.Pattern[str], tag: str) -> tuple[str, str]:
    """Return the document with the lines that refer to files replaced by one element, and its content."""
    lines = references.search(document)
    if lines is None:
        raise ValueError(f"index.html refers to no {tag}")
    code = _COMMENTS.sub("", "".join(map(_read, _NAME.findall(lines[0]))))
    parts = _TEXTS.split(code)
    for long, short in _SHORTER[tag]:
        parts[::2] = (re.sub(long, short, part) for part in parts[::2])
    code = "".join(parts).replace(";}", "}")
    return f"{document[: lines.start()]}<{tag}>{code}</{tag}>\n{document[lines.end() :]}", code


def _read(name: str) -> str:
    return _INDENTATION.sub("", (_FILES / name).read_text(encoding="utf-8"))


def _hash(code: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
