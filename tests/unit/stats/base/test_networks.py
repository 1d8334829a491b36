import pytest

from stats.base.networks import contains, parse_address, parse_network


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("10.0.0.0/8", "10.255.255.255", True),
        ("10.0.0.0/8", "11.0.0.0", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("10.1.2.3/255.0.0.0", "10.9.9.9", True),
        (" 192.0.2.1 ", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("0.0.0.0/0", "203.0.113.7", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "2001:db8::1", True),
        ("::/0", "203.0.113.7", False),
        ("2001:DB8:1::/64", "2001:db8:1::77", True),
        ("2001:db8:1::77/64", "2001:db8:1::1", True),
        ("10.0.0.0/8", "::ffff:10.1.1.1", True),
        ("::ffff:10.0.0.0/104", "10.1.1.1", True),
        ("::ffff:10.0.0.0/104", "11.1.1.1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::/0", "::ffff:10.1.1.1", False),
        ("::ffff:0:0/95", "10.1.1.1", False),
    ],
)
def test_contains(network: str, address: str, inside: bool) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    assert contains([parse_network(network)], parsed) is inside


@pytest.mark.parametrize("text", ["", "nonsense", "127", "10.0.0.0/33", "10.0.0.0/8;10.1.1.1", "::/129"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        parse_network(text)


@pytest.mark.parametrize("value", [None, "", "nonsense", "10.0.0.1:443", 167772161, ["10.0.0.1"], b"\n\0\0\1"])
def test_what_is_no_address(value: object) -> None:
    assert parse_address(value) is None
