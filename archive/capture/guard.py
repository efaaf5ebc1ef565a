"""The address guard: which addresses a capture may connect to.

A page decides which hosts are asked for its parts. Without a guard it could make sijill ask machines that only
this network reaches: a router, a database, the metadata service of a cloud. So every address is checked before a
connection is made, and the connection goes to the address that was checked, never to the name again.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from sijill.archive.capture.exchange import Network
from sijill.archive.errors import RefusedAddress, Unresolvable

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], list[str]]
"""Gives the addresses of a host name, best first. Raises OSError if there are none."""

_TURN = 0.05
"""Seconds between two looks at whether the capture was called off while a name is being resolved."""
_MOST_ADDRESSES = 16

_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# `is_global` follows the IANA registries as the running Python knows them. These it calls global, in all or some of
# the versions supported, and yet no public site is there.
_NOT_PUBLIC: tuple[tuple[IPv4Network | IPv6Network, str], ...] = (
    (IPv4Network("192.0.0.0/24"), "which is reserved by IANA"),
    (IPv4Network("192.88.99.0/24"), "which is a 6to4 relay"),
    (IPv4Network("168.63.129.16/32"), "which is a cloud's own service address"),
    (IPv6Network("2001::/23"), "which is reserved by IANA"),
    (IPv6Network("2001:db8::/32"), "which is for documentation"),
    (IPv6Network("3fff::/20"), "which is for documentation"),
)


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives for a TCP connection to `host`, in its order (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Checked:
    """Addresses of one host that may be connected to, best first."""

    addresses: tuple[Address, ...]
    pinned: bool
    """True if settings named the address instead of DNS."""


class AddressGuard:
    """Resolves hosts and refuses those that are not wholly on the public network."""

    def __init__(self, network: Network, resolver: Resolver = system_resolver) -> None:
        self._allowed = network.allowed_networks
        self._pins = {(pin.host, pin.port): pin.address for pin in network.pins}
        self._resolver = resolver

    def check(self, host: str, port: int, *, deadline: float, called_off: Callable[[], bool]) -> Checked:
        """The addresses of `host`, each of them found to be global or in a network that settings allow.

        One address that is neither makes the whole host refused: a name that mixes public and private addresses is
        either a mistake or an attempt to be let in.

        Args:
            host: a host name in A-labels or an IP address.
            port: the port the connection will go to; pins are for a host and a port.
            deadline: when to give up, as `time.monotonic()` counts.
            called_off: asked now and then while waiting; if it says yes, waiting ends.

        Raises:
            RefusedAddress: an address is neither global nor allowed.
            Unresolvable: there is no address, or none was learnt before `deadline`.
        """
        pinned = self._pins.get((host.removesuffix("."), port))
        addresses = (pinned,) if pinned else self._resolve(host, port, deadline, called_off)
        for address in addresses:
            if reason := self._objection(address):
                raise RefusedAddress(host, str(address), reason)
        return Checked(addresses[:_MOST_ADDRESSES], pinned is not None)

    def _objection(self, address: Address) -> str | None:
        if any(address in network for network in self._allowed):
            return None
        inner = _embedded(address)
        if inner is not None and any(inner in network for network in self._allowed):
            return None
        return objection(address)

    def _resolve(self, host: str, port: int, deadline: float, called_off: Callable[[], bool]) -> tuple[Address, ...]:
        try:
            return (ip_address(host),)
        except ValueError:
            pass  # a name
        # getaddrinfo knows no time limit and cannot be interrupted: a thread of its own may be left behind.
        answer: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()
        threading.Thread(target=self._ask, args=(host, port, answer), daemon=True, name=f"resolve {host}").start()
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or called_off():
                raise Unresolvable(host, "its address was not learnt in time", timed_out=True)
            try:
                found = answer.get(timeout=min(left, _TURN))
                break
            except queue.Empty:
                continue
        if isinstance(found, OSError | UnicodeError):
            raise Unresolvable(host, str(found)) from found
        if not found:
            raise Unresolvable(host, "it has no address")
        return tuple(ip_address(text) for text in found)

    def _ask(self, host: str, port: int, answer: queue.SimpleQueue[list[str] | OSError | UnicodeError]) -> None:
        try:
            answer.put(self._resolver(host, port))
        except (OSError, UnicodeError) as err:
            answer.put(err)


def objection(address: Address) -> str | None:
    """Why no capture may connect to `address`, or None if it is a public unicast address.

    Addresses that carry an IPv4 address inside (IPv4-mapped, NAT64, 6to4, Teredo) are judged by that one too.
    """
    inner = _embedded(address)
    if inner is not None and (reason := objection(inner)):
        return f"which leads to {inner}, {reason}"
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "which is on the local link only"
        if address.ipv4_mapped is not None or address in _NAT64:
            return None
    for network, reason in _NOT_PUBLIC:
        if address in network:
            return reason
    if address.is_multicast:
        return "which is a multicast address"
    if not address.is_global or (isinstance(address, IPv6Address) and address not in _GLOBAL_V6):
        return "which is not on the public network"
    return None


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that packets to `address` end at, if it is of a kind that carries one."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
