"""The page at `/`: the files of web/ as one document, with the headers that let a browser run no other code.

api.py imports this module at the first request for the page.
"""

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from stats.http.response import Answer
from stats.service import entity_tag

_FILES = Path(__file__).parent / "web"
_STYLES = re.compile(r'(?:<link rel="stylesheet" href="[a-z]+\.css">\n)+')
_SCRIPTS = re.compile(r'(?:<script src="[a-z]+\.js"></script>\n)+')
_NAME = re.compile(r'"([a-z]+\.(?:css|js))"')


@cache
def answer() -> Answer:
    """Return the page, put together at the first call."""
    document, style = _inline(_read("index.html"), _STYLES, "style")
    document, script = _inline(document, _SCRIPTS, "script")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "ETag": entity_tag(document),
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        # Browsers heed it over HTTPS alone, so `make run` is not concerned.
        "Strict-Transport-Security": "max-age=31536000",
    }
    return Answer(document, "text/html; charset=utf-8", headers)


def _inline(document: str, references: re.Pattern[str], tag: str) -> tuple[str, str]:
    """Return the document with one element in the place of its lines that refer to files, and what is in it."""
    lines = references.search(document)
    if lines is None:
        raise ValueError(f"index.html refers to no {tag}")
    code = "".join(map(_read, _NAME.findall(lines[0])))
    return f"{document[: lines.start()]}<{tag}>{code}</{tag}>\n{document[lines.end() :]}", code


def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


def _hash(code: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
