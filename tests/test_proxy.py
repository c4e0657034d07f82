"""The gateway behind a proxy: its public address, a base path, TLS, real clients."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from autobahn.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulator.control import Control
from tests import nginx
from tests.calls import BODY, STREAMED, events, text_of
from tests.conftest import StartGateway
from tests.processes import Gateway, free_port

HELD = {"steps": [{"text": "Hello"}, {"gate": "held"}, {"text": ", world!"}]}
HOST = {"host": "kiro.example.com"}
TLS = {"x-forwarded-proto": "https"}


def at(url: str, gateway: Gateway) -> httpx.Client:
    key = {"x-api-key": gateway.key}
    return httpx.Client(base_url=url, headers=key, trust_env=False, timeout=60)


def log_in(http: httpx.Client, path: str, **headers: str) -> httpx.Response:
    page = http.get(path, headers=headers)
    assert page.status_code == 200, page.text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page.text
    return http.post(
        path,
        data={
            "username": "admin",
            "password": "correct horse battery",
            "csrfmiddlewaretoken": token[1],
        },
        headers={**headers, "cookie": page.headers["set-cookie"].split(";")[0]},
    )


# PUBLIC_URL and TRUSTED_PROXIES, asked directly


@pytest.fixture
def public(start_gateway: StartGateway) -> Iterator[httpx.Client]:
    gateway = start_gateway(PUBLIC_URL="https://kiro.example.com")
    with at(gateway.url, gateway) as http:
        yield http


def test_pages_answer_to_the_public_name_and_the_api_to_any(public: httpx.Client):
    stranger = {"host": "evil.example.net"}
    assert public.get("/admin/login/", headers=HOST).status_code == 200
    assert public.get("/admin/login/", headers=stranger).status_code == 400
    assert public.get("/v1/models", headers=stranger).status_code == 200
    assert text_of(public.post("/v1/messages", json=BODY, headers=stranger))
    # A probe asks an address, not a name.
    for probe in ("/livez", "/readyz"):
        by_address = {"host": "10.1.2.3:8080"}
        assert public.get(probe, headers=by_address).status_code == 200


def test_cookies_and_hsts_are_for_tls(public: httpx.Client):
    origin = {"origin": "https://kiro.example.com"}
    answer = log_in(public, "/admin/login/", **HOST, **TLS, **origin)
    assert answer.status_code == 302
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("Secure" in cookie and "Path=/;" in cookie for cookie in cookies)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_form_from_elsewhere_is_refused(public: httpx.Client):
    elsewhere = {"origin": "https://evil.example.net"}
    answer = log_in(public, "/admin/login/", **HOST, **TLS, **elsewhere)
    assert answer.status_code == 403


def test_a_stranger_cannot_say_that_it_came_by_tls(start_gateway: StartGateway):
    gateway = start_gateway(
        PUBLIC_URL="https://kiro.example.com", TRUSTED_PROXIES="192.0.2.1"
    )
    with at(gateway.url, gateway) as http:
        answer = http.get("/admin/login/", headers={**HOST, **TLS})
        assert answer.status_code == 200
        assert "strict-transport-security" not in answer.headers


# nginx with the files of deploy/nginx


def test_every_example_is_one_that_nginx_takes(tmp_path: Path):
    tls = tmp_path / "tls"
    tls.mkdir()
    certificate(tls)
    site = (nginx.FILES / "site.conf").read_text()
    site = site.replace("/etc/ssl/kiro.example.com", str(tls))
    around = nginx.AROUND.format(inside="include site.conf;")
    prefix = nginx.folder_with(tmp_path / "own", site=site, nginx=around)
    assert "warn" not in nginx.check(prefix, "nginx.conf")
    assert "warn" not in nginx.check(prefix, "kiro2api/compose.conf")


def certificate(folder: Path) -> None:
    """Good for ten minutes, and signed by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(minutes=10))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture
def below_kiro(start_gateway: StartGateway, tmp_path: Path) -> Iterator[httpx.Client]:
    """nginx with base-path.conf in front of a gateway."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    gateway = start_gateway(PUBLIC_URL=f"{url}/kiro", DASHBOARD_LOGIN_REQUIRED="true")
    site = (nginx.FILES / "site.conf").read_text()
    before_servers = site.partition("server {\n    listen")[0]
    inside = (
        before_servers.replace("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")
        + f"server {{ listen 127.0.0.1:{port}; include kiro2api/base-path.conf; }}"
    )
    whole = nginx.AROUND.format(inside=inside)
    prefix = nginx.folder_with(tmp_path / "nginx", nginx=whole)
    with nginx.running(prefix, "nginx.conf", port), at(url, gateway) as http:
        yield http


def test_clients_work_below_a_base_path(below_kiro: httpx.Client):
    assert below_kiro.get("/kiro/v1/models").status_code == 200
    assert below_kiro.get("/v1/models").status_code in (403, 404)
    assert text_of(below_kiro.post("/kiro/v1/messages", json=BODY)) == "You said: Hi"
    # A base URL that ends in /v1
    assert text_of(below_kiro.post("/kiro/v1/v1/messages", json=BODY))


def test_events_come_through_as_they_are_said(
    below_kiro: httpx.Client, upstream: Control
):
    upstream.enqueue(HELD)
    with below_kiro.stream("POST", "/kiro/v1/messages", json=STREAMED) as answer:
        heard = answer.iter_text()
        said = ""
        while "Hello" not in said:
            said += next(heard)
        upstream.open_gate("held")
        said += "".join(heard)
    assert events(said)[-1] == {"type": "message_stop"}


def test_a_client_that_leaves_is_seen_through_the_proxy(
    below_kiro: httpx.Client, upstream: Control
):
    upstream.enqueue(HELD)
    with below_kiro.stream("POST", "/kiro/v1/messages", json=STREAMED) as answer:
        heard = answer.iter_text()
        assert next(heard)
        upstream.wait_for_streams(1)
    upstream.wait_for_streams(0)


def test_pages_work_below_a_base_path(below_kiro: httpx.Client):
    assert below_kiro.get("/kiro").headers["location"].endswith("/kiro/")
    first = below_kiro.get("/kiro/")
    assert first.status_code == 302
    login = first.headers["location"]
    assert login.startswith("/kiro/")
    assert login.endswith("?next=/kiro/")
    answer = log_in(below_kiro, login)
    assert answer.headers["location"] == "/kiro/"
    assert all("Path=/kiro/" in c for c in answer.headers.get_list("set-cookie"))

    for path in ("/kiro/", "/kiro/admin/", "/kiro/admin/accounts/account/"):
        page = below_kiro.get(path)
        assert page.status_code == 200, path
        named = set(re.findall(r'(?:href|src|action|hx-get)="(/[^"#?]*)', page.text))
        assert named
        assert {link for link in named if not link.startswith("/kiro/")} == set()
        for link in sorted(named):
            if "/static/" in link:
                assert below_kiro.get(link).status_code == 200, link
    assert f"{below_kiro.base_url}/kiro\n" in below_kiro.get("/kiro/").text


async def test_the_page_is_live_below_a_base_path(below_kiro: httpx.Client):
    log_in(below_kiro, "/kiro/admin/login/")
    page = below_kiro.get("/kiro/").text
    address = re.search(r'data-address="([^"]+)"', page)
    assert address
    url = str(below_kiro.base_url).rstrip("/")
    assert "id=" in await first_message(
        f"{url.replace('http', 'ws', 1)}{address[1]}",
        origin=url,
        cookie="; ".join(map("=".join, below_kiro.cookies.items())),
    )


async def first_message(url: str, origin: str, cookie: str) -> str:
    loop = asyncio.get_running_loop()
    message: asyncio.Future[str] = loop.create_future()

    class Page(WebSocketClientProtocol):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            if not message.done():
                message.set_result(payload.decode())

    factory = WebSocketClientFactory(url, origin=origin, headers={"cookie": cookie})
    factory.protocol = Page
    transport, _ = await loop.create_connection(factory, factory.host, factory.port)
    try:
        return await asyncio.wait_for(message, 60)
    finally:
        transport.close()
