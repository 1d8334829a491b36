"""`make build` and `make update-rds-ca`: every certificate of a bundle can be read, and none has expired."""

import re
import ssl
import sys
import time
from pathlib import Path

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?\n-----END CERTIFICATE-----\n", re.DOTALL)


def problems(bundle: str, now: float) -> list[str]:
    """Return what is wrong with a bundle in PEM form at an instant; nothing when it can be used."""
    certificates = _CERTIFICATE.findall(bundle)
    if not certificates or len(certificates) != bundle.count("-----BEGIN"):
        return ["it is not a bundle of certificates in PEM form"]
    found = []
    for number, certificate in enumerate(certificates, start=1):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=certificate)
        except ssl.SSLError as error:
            found.append(f"certificate {number} cannot be read: {error.reason or error}")
            continue
        authorities = context.get_ca_certs()
        if not authorities:
            found.append(f"certificate {number} is not an authority's")
        elif ssl.cert_time_to_seconds(str(authorities[0]["notAfter"])) <= now:
            found.append(f"certificate {number} expired on {authorities[0]['notAfter']}")
    return found


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 when the bundle can be used."""
    path = Path(arguments[0])
    found = problems(path.read_text(), time.time())
    for problem in found:
        print(f"{path}: {problem}; make update-rds-ca fetches the bundle that AWS publishes", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
