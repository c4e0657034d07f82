"""The live page, from the other end of its socket."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.auth import AuthMiddlewareStack
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import path

from accounts.models import Account
from accounts.signals import pool_changed
from dashboard.consumers import POOL, PoolConsumer
from dashboard.routing import websocket_urlpatterns
from dashboard.tests.conftest import add_account
from kiro2api.database import in_database

ENGLISH = "/ws/pool/en"


class Browser(WebsocketCommunicator):  # type: ignore[misc]
    """A page's socket; what it is sent are fragments of the page."""

    # Channels' own keep every connection to the database open while they wait.
    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output

    def __init__(self, address=ENGLISH, cookies=None, routes=websocket_urlpatterns):
        cookie = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
        super().__init__(
            AuthMiddlewareStack(URLRouter(routes)),
            address,
            headers=[(b"cookie", cookie.encode())] if cookie else [],
        )

    async def __aenter__(self):
        accepted, _ = await self.connect(timeout=5)
        assert accepted
        return self

    async def __aexit__(self, *exc):
        await self.disconnect()

    async def fragment(self):
        return await self.receive_from(timeout=8)


@pytest.fixture
def account(transactional_db):
    return add_account()


@in_database
def spend(account, available):
    Account.objects.filter(pk=account.pk).update(available=available)


async def nudge():
    await pool_changed.asend(Account)


async def test_it_pushes_the_pool_as_soon_as_somebody_watches(account):
    async with Browser() as browser:
        fragment = await browser.fragment()
    assert '<div id="pool"' in fragment
    assert "812.4" in fragment
    assert "Alice, main" not in fragment


async def test_it_speaks_the_language_of_the_page(account):
    async with Browser("/ws/pool/zh-hans") as browser:
        assert "剩余额度" in await browser.fragment()


async def test_it_refuses_a_language_that_it_does_not_have(account):
    accepted, _ = await Browser("/ws/pool/tlh").connect(timeout=5)
    assert not accepted


async def test_it_refuses_whoever_should_log_in_first(account, settings):
    settings.DASHBOARD_LOGIN_REQUIRED = True
    accepted, _ = await Browser().connect(timeout=5)
    assert not accepted
    accepted, _ = await Browser(cookies={"kiro2api_session": "x" * 32}).connect(
        timeout=5
    )
    assert not accepted


async def test_it_shows_more_to_somebody_who_is_logged_in(account, cookies, settings):
    settings.DASHBOARD_LOGIN_REQUIRED = True
    async with Browser(cookies=cookies) as browser:
        assert "Alice, main" in await browser.fragment()


async def test_it_pushes_a_change_when_told(account):
    async with Browser() as browser:
        await browser.fragment()
        await spend(account, 700.0)
        await nudge()
        assert ">700<" in await browser.fragment()


async def test_code_that_is_not_async_may_tell_as_well(account):
    async with Browser() as browser:
        await browser.fragment()
        await spend(account, 700.0)
        await sync_to_async(pool_changed.send)(Account)
        assert ">700<" in await browser.fragment()


async def test_it_notices_a_change_that_nobody_told(account):
    async with Browser() as browser:
        await browser.fragment()
        await spend(account, 700.0)
        assert ">700<" in await browser.fragment()


async def test_it_pushes_nothing_while_nothing_changes(account, queries):
    async with Browser() as browser:
        await browser.fragment()
        looks = len(queries())
        await nudge()
        async with asyncio.timeout(8):
            while len(queries()) == looks:
                await asyncio.sleep(0.02)
        assert browser.output_queue.empty()


async def test_one_read_serves_all_who_watch(account, queries):
    browsers = [Browser() for _ in range(20)]
    for browser in browsers:
        await browser.__aenter__()
        await browser.fragment()
    await spend(account, 700.0)
    looks = len(queries())
    await nudge()
    fragments = [await browser.fragment() for browser in browsers]
    assert all(">700<" in fragment for fragment in fragments)
    # One for the nudge, and one if the common moment came just then.
    assert len(queries()) - looks <= 2
    for browser in browsers:
        await browser.__aexit__()


async def test_a_burst_of_changes_is_told_at_once_and_once_more(account):
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(POOL, channel)
    for _ in range(50):
        await nudge()
    for _ in range(2):
        async with asyncio.timeout(5):
            assert await layer.receive(channel) == {"type": "pool.changed"}
    assert channel not in layer.channels  # gone as soon as it is empty


async def test_it_is_asked_again_who_watches_after_a_while(account):
    class Brief(PoolConsumer):
        life = 0.0

    browser = Browser(routes=[path("ws/pool/<str:language>", Brief.as_asgi())])
    await browser.connect(timeout=5)
    closing = await browser.receive_output(timeout=5)
    assert closing == {"type": "websocket.close", "code": 1012}


async def test_a_page_that_cannot_be_kept_up_is_told_to_connect_again(account):
    async with Browser() as browser:
        await browser.fragment()
        await in_database(add_account)(blocked_reason="of no known kind")
        await nudge()
        closing = await browser.receive_output(timeout=8)
    assert closing == {"type": "websocket.close", "code": 1013}
