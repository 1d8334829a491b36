"""API Gateway leaves to the function what MiniStack answers itself: /health, and OPTIONS where CORS is not configured.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from typing import Any

from ministack import app
from ministack.services import apigateway


class _Routed(str):
    """A method that is not compared, so that its route is looked for."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return False


def install() -> None:
    """Change MiniStack in this process."""
    app._HEALTH_PATHS = tuple(path for path in app._HEALTH_PATHS if path != "/health")
    handle = apigateway._handle_execute_in_scope

    async def patched(api_id: str, stage: str, path: str, method: str, *rest: Any, **named: Any) -> Any:
        api = apigateway._apis.get(api_id) or {}
        if method == "OPTIONS" and not api.get("corsConfiguration"):
            method = _Routed(method)
        return await handle(api_id, stage, path, method, *rest, **named)

    apigateway._handle_execute_in_scope = patched
