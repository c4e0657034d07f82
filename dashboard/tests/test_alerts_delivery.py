"""Alerts on their way: to a real web server, and to a real mail server."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from dashboard.alerts.delivery import TRIES, deliver, send
from dashboard.alerts.events import News
from dashboard.models import AlertChannel, OutgoingAlert
from dashboard.tests.listeners import Hook, Mailbox, hook_running, mailbox_running
from kiro2api import http
from kiro2api.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)

Formats = AlertChannel.Formats
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LOST = News(
    "account_lost", "<!all> & ann", 3, reason="rejected", usable=1, total=2, credits=7.0
)
EMAIL = {"kind": "email", "email": "ops@example.com"}


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_running() as hook:
        yield hook


@pytest.fixture
def mailbox(settings) -> Iterator[Mailbox]:
    with mailbox_running() as mailbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
        settings.ALERT_FROM = "kiro2api@example.com"
        yield mailbox


@pytest.fixture
async def ours():
    """Our own connections of this test's loop."""
    yield
    await http.close()


@in_database
def add_channel(**fields) -> AlertChannel:
    return AlertChannel.objects.create(**{"name": "ops", "events": []} | fields)


@in_database
def put(channel: AlertChannel, news: News = LOST, at: datetime | None = None) -> None:
    at = at or timezone.now()
    OutgoingAlert.objects.create(channel=channel, news=asdict(news), at=at, due_at=at)


@in_database
def waiting() -> list[OutgoingAlert]:
    return list(OutgoingAlert.objects.order_by("pk"))


@in_database
def make_due() -> None:
    OutgoingAlert.objects.update(due_at=timezone.now())


async def last_result(channel: AlertChannel) -> str:
    row = await in_database(AlertChannel.objects.get)(pk=channel.pk)
    return str(row.last_result)


async def test_a_webhook_gets_what_happened(ours, hook, settings):
    settings.PUBLIC_URL = "https://kiro.example.com"
    channel = await add_channel(url=hook.url)
    assert await send(channel.pk, LOST, NOON) == "status:200"
    (post,) = hook.posts
    assert post.headers["content-type"] == "application/json"
    assert post.headers["user-agent"].startswith("kiro2api/")
    assert "x-kiro2api-signature" not in post.headers
    assert post.json == {
        "event": "account_lost",
        "title": "Account lost: <!all> & ann",
        "text": "It cannot be used until a person helps: sign in again: the refresh "
        "token is dead. Usable accounts: 1 of 2.",
        "account": "<!all> & ann",
        "key": "",
        "at": "2026-11-22T12:00:00+00:00",
        "url": "https://kiro.example.com/admin/accounts/account/3/change/",
    }
    assert await last_result(channel) == "status:200"


async def test_it_speaks_the_channels_language(ours, hook):
    channel = await add_channel(url=hook.url, language="zh-hans")
    await send(channel.pk, LOST, NOON)
    assert "重新登录" in hook.posts[0].json["text"]


TEXT = (
    "kiro2api: Account lost: {}\nIt cannot be used until a person helps: sign in "
    "again: the refresh token is dead. Usable accounts: 1 of 2."
)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Formats.SLACK, {"text": TEXT.format("&lt;!all&gt; &amp; ann")}),
        (
            Formats.FEISHU,
            {"msg_type": "text", "content": {"text": TEXT.format("＜!all> & ann")}},
        ),
        (
            Formats.DINGTALK,
            {"msgtype": "text", "text": {"content": TEXT.format("<!all> & ann")}},
        ),
    ],
)
async def test_robots_of_chats_get_a_text_that_calls_nobody(ours, hook, form, expected):
    channel = await add_channel(url=hook.url, format=form)
    await send(channel.pk, LOST, NOON)
    assert hook.posts[0].json == expected


@pytest.mark.parametrize(
    ("form", "answer", "result"),
    [
        (Formats.FEISHU, b'{"code": 0}', "status:200"),
        (Formats.FEISHU, b'{"code": 19024, "msg": "no"}', "refused:19024"),
        (Formats.DINGTALK, b'{"errcode": 310000}', "refused:310000"),
        (Formats.DINGTALK, b"not JSON", "status:200"),
        (Formats.DINGTALK, b"[" + b" " * 100_000, "status:200"),
        (Formats.JSON, b'{"code": 1}', "status:200"),
    ],
)
async def test_a_robot_that_says_no_with_status_200(ours, hook, form, answer, result):
    hook.answers = [(200, answer)]
    channel = await add_channel(url=hook.url, format=form)
    assert await send(channel.pk, LOST, NOON) == result


async def test_a_secret_signs_the_time_and_the_body(ours, hook):
    channel = await add_channel(url=hook.url, secret="between us")
    await send(channel.pk, LOST, NOON)
    (post,) = hook.posts
    timestamp = post.headers["x-kiro2api-timestamp"]
    assert abs(int(timestamp) - datetime.now(UTC).timestamp()) < 300
    signed = timestamp.encode() + b"." + post.content
    expected = hmac.new(b"between us", signed, hashlib.sha256).hexdigest()
    assert post.headers["x-kiro2api-signature"] == f"sha256={expected}"


async def test_redirects_are_not_followed(ours, hook):
    with hook_running() as elsewhere:
        hook.location = elsewhere.url
        hook.answers = [(307, b"")]
        channel = await add_channel(url=hook.url)
        assert await send(channel.pk, LOST, NOON) == "status:307"
        assert elsewhere.posts == []


async def test_a_webhook_that_does_not_answer_is_given_up(ours, hook):
    hook.may_answer.clear()
    channel = await add_channel(url=hook.url)
    assert await send(channel.pk, LOST, NOON) == "timeout"
    assert len(hook.posts) == 1


async def test_a_webhook_that_is_not_there(ours):
    with hook_running() as gone:
        pass
    channel = await add_channel(url=gone.url)
    assert await send(channel.pk, LOST, NOON) == "unreachable"


async def test_a_certificate_that_nobody_trusts(ours, tmp_path):
    with hook_running(self_signed(tmp_path)) as hook:
        channel = await add_channel(url=hook.url)
        assert await send(channel.pk, LOST, NOON) == "certificate"
        assert hook.posts == []


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_an_address_that_no_key_opens(ours, hook, settings):
    channel = await add_channel(url=hook.url)
    settings.SECRET_ENCRYPTION_KEYS = ["ZGlmZmVyZW50LWtleS1kaWZmZXJlbnQta2V5LTEyMzQ="]
    assert await send(channel.pk, LOST, NOON) == "unreadable"


async def test_email_gets_what_happened(ours, mailbox):
    channel = await add_channel(**EMAIL)
    assert await send(channel.pk, LOST, NOON) == "sent"
    ((sender, recipient, letter),) = mailbox.letters
    assert (sender, recipient) == ("kiro2api@example.com", "ops@example.com")
    assert letter["subject"] == "kiro2api: Account lost: <!all> & ann"
    assert letter["auto-submitted"] == "auto-generated"
    assert "Usable accounts: 1 of 2." in letter.get_content()
    assert "2026-11-22 12:00 UTC" in letter.get_content()


async def test_a_line_break_in_a_name_makes_no_header(ours, mailbox):
    channel = await add_channel(**EMAIL)
    news = News("account_back", "ann\r\nBcc: x@example.com", 3)
    assert await send(channel.pk, news, NOON) == "sent"
    ((_sender, _recipient, letter),) = mailbox.letters
    assert letter["bcc"] is None
    assert letter["subject"].endswith("ann Bcc: x@example.com")


async def test_a_mail_server_that_refuses(ours, mailbox):
    mailbox.refuses = "550 nobody of that name"
    channel = await add_channel(**EMAIL)
    assert await send(channel.pk, LOST, NOON) == "mail:550"


async def test_a_mail_server_that_is_not_there(ours, mailbox, settings):
    with mailbox_running() as gone:
        pass
    settings.EMAIL_PORT = gone.port
    channel = await add_channel(**EMAIL)
    assert await send(channel.pk, LOST, NOON) == "unreachable"


async def test_email_without_a_server(ours):
    channel = await add_channel(**EMAIL)
    assert await send(channel.pk, LOST, NOON) == "not_set_up"


async def test_what_waits_is_sent_in_its_order(ours, hook):
    channel = await add_channel(url=hook.url)
    for event in ("pool_low", "pool_empty", "pool_back"):
        await put(channel, News(event))
    await deliver()
    assert hook.events == ["pool_low", "pool_empty", "pool_back"]
    assert await waiting() == []


async def test_it_is_sent_once_by_many(ours, hook):
    channel = await add_channel(url=hook.url)
    for _ in range(5):
        await put(channel)
    await asyncio.gather(*(deliver() for _ in range(6)))
    await deliver()
    assert len(hook.posts) == 5


async def test_three_tries_with_pauses_between_them(ours, hook):
    channel = await add_channel(url=hook.url)
    await put(channel)
    hook.answers = [(503, b"")] * TRIES
    for number in range(1, TRIES):
        before = timezone.now()
        await deliver()
        await deliver()  # it is not due yet
        assert len(hook.posts) == number
        (alert,) = await waiting()
        assert alert.due_at > before + timedelta(seconds=50)
        await make_due()
    await deliver()
    assert len(hook.posts) == TRIES
    assert await waiting() == []
    assert await last_result(channel) == "status:503"


async def test_a_channel_that_fails_holds_up_no_other(ours, hook):
    with hook_running() as gone:
        pass
    await put(await add_channel(url=gone.url))
    await put(await add_channel(url=hook.url))
    await deliver()
    assert hook.events == ["account_lost"]


async def test_a_try_whose_process_died_is_made_again(ours, hook):
    channel = await add_channel(url=hook.url)
    await put(channel)
    claimed = {"tries": 1, "due_at": timezone.now() + timedelta(minutes=1)}
    await in_database(OutgoingAlert.objects.update)(**claimed)
    await deliver()
    assert hook.posts == []
    await make_due()
    await deliver()
    assert len(hook.posts) == 1


async def test_old_news_are_dropped(ours, hook):
    channel = await add_channel(url=hook.url)
    await put(channel, at=timezone.now() - timedelta(days=2))
    await deliver()
    assert (hook.posts, await waiting()) == ([], [])


async def test_a_channel_that_is_off_sends_nothing(ours, hook):
    channel = await add_channel(url=hook.url, enabled=False)
    await put(channel)
    await deliver()
    assert hook.posts == []


async def test_no_log_line_holds_the_address_or_the_secret(ours, hook, caplog):
    caplog.set_level("DEBUG")
    hook.answers = [(500, b"")]
    await put(await add_channel(url=hook.url, secret="between us"))
    await deliver()
    assert "account_lost" in caplog.text
    assert "for-us-only" not in caplog.text
    assert "between us" not in caplog.text
