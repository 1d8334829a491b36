"""A call of the API's address, as its users make it."""

import secrets
import time

from openl2m_stats.caller import NoAnswerError, get
from openl2m_stats.doctor.findings import Finding

_SECONDS = 15
_ADVICE = {
    401: "Another server or an authorizer answers there: look at the integration.",
    403: "API Gateway or a WAF refuses this machine: look at the resource policy, the WAF and the throttling.",
    404: "Look at the domain's API mapping and at BasePath.",
    429: "API Gateway limits the calls: see ThrottlingRate.",
    500: "`make logs` shows why; docs/troubleshooting.md lists the lines.",
    503: "The function cannot read the token secret: `make logs` shows why.",
}
_OTHERWISE = "Does the address lead to this stack, or to a proxy or a login page?"
_NO_ANSWER = "Look at the domain's DNS record and certificate. Mutual TLS answers only clients that have a certificate."


def check_address(url: str) -> Finding:
    """Check that the API answers 401 to an unknown token, which shows that it reads the token secret."""
    started = time.monotonic()
    try:
        answer = get(url, secrets.token_hex(20), _SECONDS)
    except NoAnswerError as error:
        return Finding("FAIL", f"{url} does not answer: {error}", _NO_ANSWER)
    took = f"{(time.monotonic() - started) * 1000:,.0f} ms"
    ours = isinstance(answer.body, dict) and "detail" in answer.body
    if answer.status == 401 and ours:
        return Finding("ok", f"{url} answers 401 to an unknown token, in {took}")
    seen = f"{url} answers {answer.status} to an unknown token, instead of 401"
    if answer.status == 401:
        seen = f"{url} answers 401, but the answer is not the function's"
    return Finding("FAIL", seen, _ADVICE.get(answer.status, _OTHERWISE))
