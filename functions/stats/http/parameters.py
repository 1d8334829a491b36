"""Query parameters, each at most once; pure."""

from http import HTTPStatus

from stats.http.request import Request
from stats.http.response import ProblemError


def one(request: Request, name: str) -> str | None:
    """Return a parameter's value; None if it is absent. Raise ProblemError if it occurs more than once."""
    values = request.query.get(name)
    if not values:
        return None
    if len(values) > 1:
        raise bad(f"The parameter {name} is given more than once.")
    return values[0]


def bad(detail: str) -> ProblemError:
    """Return the 400 for an unusable parameter."""
    return ProblemError(HTTPStatus.BAD_REQUEST, detail)
