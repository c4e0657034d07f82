"""The pages of alert channels, as a person uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core import mail
from django.db import connection
from django.urls import reverse

from dashboard.models import AlertChannel
from dashboard.tests.listeners import Hook, hook_running

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/dashboard/alertchannel/"
ADD = f"{LIST}add/"
URL = "https://hooks.example.com/services/for-us-only"
EVENTS = AlertChannel.Events.values
PRESSED = {"_form_submitted": "1"}


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_running() as hook:
        yield hook


def form(**fields: Any) -> dict[str, Any]:
    usual = {
        "name": "ops",
        "kind": "webhook",
        "format": "json",
        "language": "en",
        "events": EVENTS,
        "least_accounts": "2",
        "least_credits": "",
        "enabled": "on",
        "recoveries": "on",
        "new_url": "",
        "new_secret": "",
        "email": "",
    }
    return usual | fields


def send(client: Any, url: str, **fields: Any) -> list[str]:
    """Post a form, follow the redirect; the form's errors, else what is told."""
    response = client.post(url, form(**fields), follow=True)
    assert response.status_code == 200
    shown = response.context.get("adminform")
    if shown is not None and shown.form.errors:
        return [error for errors in shown.form.errors.values() for error in errors]
    return [str(message) for message in response.context["messages"]]


def add_channel(**fields: Any) -> AlertChannel:
    usual = {"name": "ops", "events": EVENTS, "url": URL, "secret": "between us"}
    return AlertChannel.objects.create(**usual | fields)


def page_of(channel: AlertChannel) -> str:
    return reverse("admin:dashboard_alertchannel_change", args=[channel.pk])


def secrets_of(channel: AlertChannel) -> tuple[str, str]:
    row = AlertChannel.objects.with_secrets().get(pk=channel.pk)
    return row.url, row.secret


def test_a_webhook_is_added(admin_client):
    send(admin_client, ADD, new_url=URL, new_secret="between us")
    (channel,) = AlertChannel.objects.all()
    assert secrets_of(channel) == (URL, "between us")
    assert channel.events == EVENTS
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret FROM dashboard_alertchannel")
        assert "us" not in "".join(cursor.fetchone()).partition("hooks")[2]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "A webhook needs its address."),
        ({"new_url": "http://hooks.example.com/"}, "This is not an https address."),
        ({"new_url": "hooks.example.com"}, "This is not an https address."),
        ({"new_url": "https://"}, "This is not an https address."),
        ({"new_url": "https://a b/"}, "This is not an https address."),
        ({"new_url": "https://[::1/"}, "This is not an https address."),
        ({"new_url": "https://x:port/"}, "This is not an https address."),
        ({"kind": "email"}, "E-mail needs an address."),
        (
            {"kind": "email", "email": "ops@example.com"},
            "Set EMAIL_URL first, in the environment.",
        ),
        (
            {"new_url": URL, "least_accounts": ""},
            "Say below which number the pool is low, or untick that.",
        ),
        ({"new_url": URL, "events": []}, "This field is required."),
    ],
)
def test_what_cannot_work_is_refused(admin_client, fields, told):
    assert send(admin_client, ADD, **fields) == [told]
    assert AlertChannel.objects.count() == 0


def test_no_page_shows_a_secret(admin_client):
    channel = add_channel()
    for url in (LIST, page_of(channel), f"{page_of(channel)[:-7]}history/"):
        page = admin_client.get(url).content.decode()
        assert "for-us-only" not in page
        assert "between us" not in page
    assert "It is set. Leave empty to keep it." in admin_client.get(
        page_of(channel)
    ).content.decode().replace("&quot;", '"')


def test_secrets_that_are_left_empty_stay(admin_client):
    channel = add_channel()
    send(admin_client, page_of(channel), name="other")
    assert secrets_of(channel) == (URL, "between us")
    assert AlertChannel.objects.get().name == "other"


def test_secrets_are_replaced_and_removed(admin_client):
    channel = add_channel()
    send(admin_client, page_of(channel), new_url=f"{URL}/2", new_secret="none")
    assert secrets_of(channel) == (f"{URL}/2", "")


def test_a_page_opens_when_no_key_opens_the_secrets(admin_client, settings):
    channel = add_channel()
    settings.SECRET_ENCRYPTION_KEYS = ["ZGlmZmVyZW50LWtleS1kaWZmZXJlbnQta2V5LTEyMzQ="]
    assert admin_client.get(LIST).status_code == 200
    send(admin_client, page_of(channel), new_url=URL, new_secret="none")
    assert secrets_of(channel) == (URL, "")


def test_a_save_leaves_what_is_noted_meanwhile(admin_client):
    channel = add_channel()
    AlertChannel.objects.update(last_result="status:200")
    send(admin_client, page_of(channel), name="other")
    assert AlertChannel.objects.get().last_result == "status:200"


def test_the_test_button_sends_now_and_tells_the_answer(admin_client, hook):
    channel = add_channel(url=hook.url, enabled=False)
    button = reverse("admin:dashboard_alertchannel_send_test", args=[channel.pk])
    answer = admin_client.post(button, PRESSED)
    assert hook.events == ["test"]
    page = admin_client.get(answer["HX-Redirect"]).content.decode()
    assert "ops: the answer was 200" in page
    hook.answers = [(404, b"for-us-only")]
    answer = admin_client.post(button, PRESSED)
    page = admin_client.get(answer["HX-Redirect"]).content.decode()
    assert "ops: the answer was 404" in page
    assert "for-us-only" not in page
    assert [entry.change_message for entry in LogEntry.objects.all()] == [
        "sent a test",
        "sent a test",
    ]


def test_a_test_by_email(admin_client, settings):
    settings.ALERT_FROM = "kiro2api@example.com"
    channel = add_channel(kind="email", email="ops@example.com")
    button = reverse("admin:dashboard_alertchannel_send_test", args=[channel.pk])
    admin_client.post(button, PRESSED)
    (letter,) = mail.outbox
    assert letter.to == ["ops@example.com"]
    assert letter.subject == "kiro2api: Test"


def test_looking_at_the_button_sends_nothing(admin_client, hook):
    channel = add_channel(url=hook.url)
    button = reverse("admin:dashboard_alertchannel_send_test", args=[channel.pk])
    assert admin_client.get(button).status_code == 200
    assert hook.posts == []


@pytest.mark.parametrize(
    ("role", "sees", "changes"),
    [
        ("nobody", False, False),
        ("viewer", True, False),
        ("operator", True, False),
        ("owner", True, True),
    ],
)
def test_roles(client, hook, role, sees, changes):
    channel = add_channel(url=hook.url)
    person = User.objects.create(username=role, is_staff=True)
    person.groups.set(Group.objects.filter(name=role))
    client.force_login(person)
    page = client.get(page_of(channel))
    assert (page.status_code == 200) == sees
    if sees:
        assert ("new_url" in page.content.decode()) == changes
    assert (client.get(ADD).status_code == 200) == changes
    button = reverse("admin:dashboard_alertchannel_send_test", args=[channel.pk])
    client.post(button, PRESSED)
    assert len(hook.posts) == changes
