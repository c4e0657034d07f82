"""New encryption keys, and channels that were written with others."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from dashboard.alerts.rotation import rotate
from dashboard.models import AlertChannel
from kiro2api.encryption import SecretUnreadable

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.com/for-us-only"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def channel(settings) -> AlertChannel:
    settings.SECRET_ENCRYPTION_KEYS = [OLD]
    return AlertChannel.objects.create(name="ops", url=URL, secret="between us")


def secrets_of(channel: AlertChannel) -> tuple[str, str, bool]:
    row = AlertChannel.objects.with_secrets().get(pk=channel.pk)
    return row.url, row.secret, row.enabled


def test_a_channel_comes_under_the_newest_key(channel, settings):
    settings.SECRET_ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate() == (1, [])
    settings.SECRET_ENCRYPTION_KEYS = [NEW]
    assert secrets_of(channel) == (URL, "between us", True)


def test_what_no_key_opens_is_left_as_it_is(channel, settings):
    settings.SECRET_ENCRYPTION_KEYS = [NEW]
    assert rotate() == (0, ["ops"])
    with pytest.raises(SecretUnreadable):
        secrets_of(channel)
    settings.SECRET_ENCRYPTION_KEYS = [OLD]
    assert secrets_of(channel) == (URL, "between us", True)


def test_or_it_is_forgotten_and_the_channel_switched_off(channel, settings):
    settings.SECRET_ENCRYPTION_KEYS = [NEW]
    assert rotate(forget_unreadable=True) == (0, ["ops"])
    assert secrets_of(channel) == ("", "", False)
