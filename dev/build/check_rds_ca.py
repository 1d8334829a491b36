"""`make build` and `make update-rds-ca`: a bundle's certificates can be read, are valid, and are all that is needed."""

import re
import ssl
import sys
import time
from pathlib import Path
from typing import Any

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?\n-----END CERTIFICATE-----\n", re.DOTALL)
# RDS Proxy has certificates of Amazon's own authorities, which are not in the bundle that RDS publishes.
_PROXY = {f"Amazon Root CA {number}" for number in range(1, 5)}


def problems(bundle: str, now: float) -> list[str]:
    """Return the problem with a bundle in PEM form at an instant; empty if there is none."""
    certificates = _CERTIFICATE.findall(bundle)
    if not certificates or len(certificates) != bundle.count("-----BEGIN"):
        return ["it is not a bundle of certificates in PEM form"]
    found = []
    missing = set(_PROXY)
    for number, certificate in enumerate(certificates, start=1):
        try:
            authority = _authority(certificate)
        except ssl.SSLError as error:
            found.append(f"certificate {number} cannot be read: {error.reason or error}")
            continue
        if authority is None:
            found.append(f"certificate {number} is not an authority's")
        elif _expired(authority, now):
            found.append(f"certificate {number} expired on {authority['notAfter']}")
        else:
            missing.discard(_common_name(authority))
    return found + [f"{name} is missing, which RDS Proxy needs" for name in sorted(missing)]


def without_expired(bundle: str, now: float) -> str:
    """Return a bundle without the certificates that have expired at an instant. Raise ssl.SSLError."""

    def keep(found: re.Match[str]) -> str:
        authority = _authority(found[0])
        return "" if authority and _expired(authority, now) else found[0]

    return _CERTIFICATE.sub(keep, bundle)


def _authority(certificate: str) -> dict[str, Any] | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    authorities = context.get_ca_certs()
    return authorities[0] if authorities else None


def _common_name(authority: dict[str, Any]) -> str:
    return str(dict(pair for name in authority["subject"] for pair in name).get("commonName", ""))


def _expired(authority: dict[str, Any], now: float) -> bool:
    return ssl.cert_time_to_seconds(authority["notAfter"]) <= now


def main(arguments: list[str]) -> int:
    """Check a bundle, or with further files put it together from them first, without what has expired.

    Return the exit code: 0 when the bundle can be used.
    """
    path, *parts = map(Path, arguments)
    now = time.time()
    try:
        if parts:
            path.write_text(without_expired("".join(part.read_text().strip() + "\n" for part in parts), now))
        found = problems(path.read_text(), now)
    except (OSError, ssl.SSLError, UnicodeDecodeError) as error:
        found = [str(error)]
    for problem in found:
        print(f"{path}: {problem}; make update-rds-ca fetches what AWS publishes", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
