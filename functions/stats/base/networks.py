"""Lists of IP networks and whether a client address is in one of them; pure."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED_PREFIX_LENGTH = 96  # RFC 4291, section 2.5.5.2: ::ffff:0:0/96 contains the IPv4 addresses


def parse_network(text: str) -> Network:
    """Return the network in `text`: an address, or one with a prefix length or netmask; host bits may be set.

    An IPv4-mapped IPv6 network becomes the IPv4 network that it stands for.
    Raise ValueError when it is none.
    """
    network = ip_network(text.strip(), strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_PREFIX_LENGTH:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX_LENGTH))


def parse_address(text: object) -> Address | None:
    """Return the client address, an IPv4-mapped one as IPv4; None when it is not an address."""
    if not isinstance(text, str):
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def contains(networks: Iterable[Network], address: Address) -> bool:
    """Return whether `address` is in one of `networks`; the two IP versions never match."""
    return any(address in network for network in networks)
