"""Certificates for a test's own servers, good and bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """One that signs; a sloppy one leaves out what RFC 5280 asks of it and Python 3.13 checks by default."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    pem: bytes
    sloppy: bool


def new_authority(*, sloppy: bool = False) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("A test's authority")
    builder = _builder(name, name, key, days=2).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    if not sloppy:
        usage = {name: name in {"key_cert_sign", "crl_sign"} for name in _USAGES}
        builder = builder.add_extension(x509.KeyUsage(**usage), True).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        )
    return Authority(name, key, builder.sign(key, SHA256()).public_bytes(Encoding.PEM), sloppy)


def new_certificate(authority: Authority, *hosts: str, days: int = 2) -> tuple[bytes, bytes]:
    """Return a server's certificate and its key; with negative days it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _for_server(hosts, authority.name, key, days=days)
    if not authority.sloppy:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False
        )
    return _pair(builder.sign(authority.key, SHA256()), key)


def new_self_signed_certificate(host: str) -> tuple[bytes, bytes]:
    """Return a server's certificate that no authority signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _pair(_for_server([host], _name(host), key, days=2).sign(key, SHA256()), key)


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), key_pem


def _for_server(
    hosts: Sequence[str], issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
) -> x509.CertificateBuilder:
    builder = _builder(_name(hosts[0]), issuer, key, days=days)
    return builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 9 * _DAY)
        .not_valid_after(now + days * _DAY)
    )
