from __future__ import annotations

import pytest

from proxy.media.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.215.14",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_a_public_address_may_be_reached(address: str) -> None:
    assert is_public(address, 443)
    assert is_public(address, 80)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_any_other_address_may_not(address: str) -> None:
    assert not is_public(address, 443)


@pytest.mark.parametrize(
    "address", ["", "localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"]
)
def test_only_a_plain_number_is_an_address(address: str) -> None:
    assert not is_public(address, 443)


@pytest.mark.parametrize("port", [0, 22, 81, 444, 6379, 8080, 8443])
def test_only_the_ports_of_the_web_may_be_reached(port: int) -> None:
    assert not is_public("8.8.8.8", port)
