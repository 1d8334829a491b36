"""The page at `/`: the files of web/ as one document, with the headers that let a browser run no other code.

api.py imports this module at the first request for the page.
"""

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path

from stats.responses import Answer

_FILES = Path(__file__).parent / "web"
_STYLE, _SCRIPT = '<link rel="stylesheet" href="style.css">', '<script src="script.js"></script>'


@cache
def answer() -> Answer:
    """Return the page, put together at the first call."""
    document, style, script = (
        (_FILES / name).read_text(encoding="utf-8") for name in ("index.html", "style.css", "script.js")
    )
    document = document.replace(_STYLE, f"<style>{style}</style>").replace(_SCRIPT, f"<script>{script}</script>")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "ETag": f'"{hashlib.sha256(document.encode()).hexdigest()[:32]}"',
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
    }
    return Answer(document, "text/html; charset=utf-8", headers)


def _hash(code: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(code.encode()).digest()).decode()}"
