"""What the worker does for accounts by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account, SessionHome, Slot
from accounts.sessions import KEPT
from accounts.tasks import forget_what_is_over, read_what_is_due, refresh_ahead
from accounts.tests.conftest import add_account

pytestmark = pytest.mark.django_db(transaction=True)

USAGE, MODELS, REFRESH = "GetUsageLimits", "ListAvailableModels", "RefreshSocial"
NOW, HOUR = timezone.now, timedelta(hours=1)


def rested(account: Account, **fields: object) -> None:
    Account.objects.filter(pk=account.pk).update(**fields)


def test_an_account_that_nobody_has_asked_is_asked_once(know_account, simulator):
    account = know_account()
    rested(account, usage_asked_at=None, models_asked_at=None)
    for _ in range(2):
        read_what_is_due()
    assert (simulator.calls(USAGE), simulator.calls(MODELS)) == (1, 1)
    account = Account.objects.defer(None).get()
    assert account.available is not None
    assert account.offered_models


def test_credits_of_an_account_in_use_are_read_every_five_minutes(
    know_account, simulator
):
    account = know_account()
    rested(account, last_used_at=NOW(), usage_asked_at=NOW() - timedelta(minutes=6))
    for _ in range(2):
        read_what_is_due()
    assert (simulator.calls(USAGE), simulator.calls(MODELS)) == (1, 0)


def test_an_account_that_rests_is_left_alone(know_account, simulator):
    account = know_account()
    rested(account, last_used_at=NOW() - 2 * HOUR, usage_asked_at=NOW() - HOUR)
    read_what_is_due()
    refresh_ahead()
    assert simulator.calls(USAGE) == simulator.calls(REFRESH) == 0


@pytest.mark.parametrize("off", [{"enabled": False}, {"blocked_reason": "suspended"}])
def test_an_account_out_of_service_is_left_alone(know_account, simulator, off):
    account = know_account()
    rested(account, usage_asked_at=None, models_asked_at=None, **off)
    read_what_is_due()
    assert simulator.calls(USAGE) == simulator.calls(MODELS) == 0


def test_one_that_fails_holds_up_no_other(know_account, simulator, caplog):
    add_account("lost", refresh_token="", access_expires_at=None, usage_asked_at=None)
    account = know_account()
    rested(account, usage_asked_at=None)
    read_what_is_due()
    assert simulator.calls(USAGE) == 1
    assert "account lost: asked in vain" in caplog.text


def test_what_is_over_is_forgotten():
    account = add_account()
    now = NOW()
    SessionHome.objects.create(session="old", account=account, used_at=now - KEPT)
    SessionHome.objects.create(session="new", account=account, used_at=now)
    Slot.objects.create(account=account, taken_at=now - HOUR, until=now)
    Slot.objects.create(account=account, taken_at=now, until=now + HOUR)
    forget_what_is_over()
    assert [home.session for home in SessionHome.objects.all()] == ["new"]
    assert [slot.taken_at for slot in Slot.objects.all()] == [now]
