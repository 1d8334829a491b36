"""A server in the place of the API, for the command that calls it."""

import json
from collections.abc import Iterator
from typing import Any

from werkzeug import Request, Response

from tests.support.wsgi import served

DOCUMENT = {
    "database": {"switches": {"label": "Switches", "value": 1246}},
    "usage": {
        "devices_today": {"label": "Devices today", "value": 40},
        "users_today": {"label": "Users today", "value": 9},
        "changes_today": {"label": "Changes today", "value": 29},
        "changes_total": {"label": "Total Changes", "value": 39014},
    },
}
FRESH = {"Age": "12", "Content-Type": "application/json"}


class API:
    """A server that answers with `status`, `headers` and `body`."""

    status = 200
    headers: dict[str, str] = FRESH
    body = json.dumps(DOCUMENT)
    url = ""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    @classmethod
    def run(cls) -> Iterator["API"]:
        api = cls()
        with served(api.answer) as api.url:
            yield api

    def answer(self, environ: Any, start_response: Any) -> Any:
        self.requests.append(Request(environ))
        return Response(self.body, self.status, self.headers)(environ, start_response)
