"""What may be a token endpoint, and what an outbound proxy."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.addresses import is_proxy_url, is_token_endpoint, with_login
from accounts.validators import validate_proxy_url, validate_token_endpoint


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://id.example.com/oauth2/v2.0/token", True),
        ("https://id.example.com:8443/token?tenant=x", True),
        ("http://127.0.0.1:9000/external/token", True),
        ("http://localhost/token", True),
        ("http://id.example.com/token", False),
        ("http://127.0.0.1.example.com/token", False),
        ("https://ann:hush@id.example.com/token", False),
        ("https://@id.example.com/token", False),
        ("https://id.example.com/token#x", False),
        ("https://id.example.com:x/token", False),
        ("https://id.example.com/a b", False),
        ("https://id.example.com/\r\nx", False),
        ("https:///token", False),
        ("https://[::1/token", False),
        ("file:///etc/passwd", False),
        ("https://id.example.com/" + "x" * 300, False),
        ("", False),
    ],
)
def test_a_token_endpoint_is_https_or_this_machine(address, taken):
    assert is_token_endpoint(address) is taken
    if not taken:
        with pytest.raises(ValidationError) as raised:
            validate_token_endpoint(address)
        assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("http://proxy.example.com:3128", True),
        ("http://proxy.example.com:3128/", True),
        ("https://ann:hush@proxy.example.com", True),
        ("socks5://ann:p%40ss%20word@10.0.0.1:1080", True),
        ("socks5://[::1]:1080", True),
        ("socks5://ann@proxy.example.com", True),
        ("socks4://proxy.example.com", False),
        ("ftp://proxy.example.com", False),
        ("proxy.example.com:3128", False),
        ("http://proxy.example.com/path", False),
        ("http://proxy.example.com?x", False),
        ("http://a%3Ab:hush@proxy.example.com", False),
        ("http://ann:hu%0Ash@proxy.example.com", False),
        ("http://ann:hu%C3%A4sh@proxy.example.com", False),
        (f"http://ann:{'x' * 256}@proxy.example.com", False),
        ("http://proxy.example.com:99999", False),
        ("", False),
    ],
)
def test_a_proxy_has_one_of_three_schemes_and_a_login_that_fits(address, taken):
    assert is_proxy_url(address) is taken
    if not taken:
        with pytest.raises(ValidationError) as raised:
            validate_proxy_url(address)
        assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("login", "url"),
    [
        (("", ""), "http://proxy:1"),
        (("ann", "a:b@c/d"), "http://ann:a%3Ab%40c%2Fd@proxy:1"),
        (("ann", ""), "http://ann:@proxy:1"),
    ],
)
def test_a_login_of_its_own_is_put_into_the_address(login, url):
    assert with_login("http://proxy:1", *login) == url
    assert with_login("http://bob:x@proxy:1", *login) == "http://bob:x@proxy:1"
