"""Files of the project that the command reads."""

import ssl

from openl2m_stats.files import CA_FILE


def test_the_certificates_can_be_loaded() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CA_FILE)
    assert context.get_ca_certs()
