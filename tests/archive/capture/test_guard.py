"""The address guard."""

import threading
import time
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.capture.exchange import FailureKind, Network, Pin
from sijill.archive.capture.guard import AddressGuard, objection
from sijill.archive.errors import RefusedAddress, Unresolvable

NOTHING_ALLOWED = Network()


def check(host, *answers, network=NOTHING_ALLOWED, port=80, seconds=5):
    guard = AddressGuard(network, lambda _host, _port: list(answers))
    return guard.check(host, port, deadline=time.monotonic() + seconds, called_off=lambda: False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_pass(address):
    assert objection(ip_address(address)) is None
    assert [str(a) for a in check("h.example", address).addresses] == [str(ip_address(address))]


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.255.255.254", "172.16.0.1", "192.168.1.1",
        "100.64.0.1", "100.100.100.200", "169.254.169.254", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
        "2001:db8::1", "3fff::1", "100::1", "5f00::1", "::7f00:1", "::8.8.8.8",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address):
    assert objection(ip_address(address))
    with pytest.raises(RefusedAddress) as caught:
        check("h.example", "8.8.8.8", address)
    assert ip_address(caught.value.address) == ip_address(address)


def test_one_private_address_among_public_ones_refuses_the_host():
    with pytest.raises(RefusedAddress):
        check("h.example", "8.8.8.8", "10.0.0.1", "1.1.1.1")


def test_addresses_in_urls_are_judged_without_a_resolver():
    with pytest.raises(RefusedAddress):
        check("169.254.169.254", "8.8.8.8")
    assert str(check("8.8.8.8", "10.0.0.1").addresses[0]) == "8.8.8.8"


def test_settings_allow_networks_also_inside_ipv6():
    network = Network(allowed_networks=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::5"):
        assert check("h.example", address, network=network).addresses
    for address in ("10.2.0.1", "::ffff:10.2.0.1", "127.0.0.1"):
        with pytest.raises(RefusedAddress):
            check("h.example", address, network=network)


def test_a_pin_is_for_host_and_port_and_still_judged():
    network = Network(
        pins=(Pin("h.example", 443, ip_address("9.9.9.9")), Pin("i.example", 443, ip_address("10.0.0.1")))
    )
    pinned = check("h.example", "8.8.8.8", network=network, port=443)
    assert (str(pinned.addresses[0]), pinned.pinned) == ("9.9.9.9", True)
    assert check("h.example.", "8.8.8.8", network=network, port=443).pinned
    other = check("h.example", "8.8.8.8", network=network, port=80)
    assert (str(other.addresses[0]), other.pinned) == ("8.8.8.8", False)
    with pytest.raises(RefusedAddress):
        check("i.example", "8.8.8.8", network=network, port=443)


def test_names_without_an_address():
    with pytest.raises(Unresolvable):
        check("h.example")
    guard = AddressGuard(Network())
    with pytest.raises(Unresolvable) as caught:
        guard.check("nothing.invalid", 80, deadline=time.monotonic() + 30, called_off=lambda: False)
    assert caught.value.host == "nothing.invalid"


def test_a_resolver_that_hangs_is_left_at_the_deadline_or_when_called_off():
    release = threading.Event()
    guard = AddressGuard(Network(), lambda *_: release.wait(60) and [])
    for seconds, called_off in ((0.2, lambda: False), (60, lambda: True)):
        began = time.monotonic()
        with pytest.raises(Unresolvable) as caught:
            guard.check("slow.example", 80, deadline=began + seconds, called_off=called_off)
        assert caught.value.timed_out
        assert time.monotonic() - began < 40
    release.set()


@given(st.ip_addresses())
def test_nothing_private_passes(address):
    if objection(address) is None:
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_link_local


def test_refusal_is_recorded_and_nothing_is_sent(fetch, serve):
    server = serve({})
    refused = fetch(server.url(), network=Network())
    assert refused.failure.kind is FailureKind.REFUSED_ADDRESS
    assert (refused.request, refused.response, refused.server, server.connections) == (b"", None, None, 0)


def test_the_connection_goes_to_the_address_that_was_checked(fetch, serve, wire):
    """A name that resolves to something else the second time must not matter: there is no second time."""
    server = serve({"/": wire.response(b"here")})
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.255.255.1"]

    done = fetch(server.url(host="rebind.example"), resolver=rebinding)
    assert (done.response.status, done.server.ip, asked) == (200, "127.0.0.1", ["rebind.example"])
    assert f"Host: rebind.example:{server.port}\r\n".encode() in server.requests[0]


def test_addresses_are_tried_in_order(fetch, serve, wire):
    server = serve({"/": wire.response()})
    done = fetch(server.url(host="two.example"), resolver=lambda *_: ["127.0.0.77", "127.0.0.1"])
    assert (done.response.status, done.server.ip) == (200, "127.0.0.1")
