"""An API that answers as a test wants."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug import Request, Response

from openl2m_stats.verify.api import Api
from tests.support import leaks
from tests.support.wsgi import served

Answer = Callable[[Request], Response]


@pytest.fixture
def answer() -> dict[str, Answer]:
    """What the API answers, under `of`."""
    return {}


@pytest.fixture
def api(answer: dict[str, Answer]) -> Iterator[Api]:
    def respond(request: Request) -> Response:
        return answer["of"](request)

    with served(Request.application(respond)) as url:
        yield Api(f"{url}/api/stats/", leaks.new_key())


def json(text: str, status: int = 200, **headers: str) -> Response:
    named: Any = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(text, status, named, content_type="application/json")
