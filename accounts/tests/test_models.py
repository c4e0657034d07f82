from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.models import Account
from accounts.tests.conftest import ARN, add_account

pytestmark = pytest.mark.django_db

Block, Status = Account.Block, Account.Status


def soon(seconds: float):
    return timezone.now() + timedelta(seconds=seconds)


def names(rows) -> list[str]:
    return [account.name for account in rows]


def test_accounts_come_in_order_of_position_then_of_age():
    for name, position in (("a", 2), ("b", 0), ("c", 2), ("d", 1)):
        add_account(name, position=position)
    assert names(Account.objects.in_order()) == ["b", "d", "a", "c"]


def test_usable_is_enabled_and_not_blocked_or_healed():
    add_account("free")
    add_account("off", enabled=False)
    add_account("paused", blocked_reason=Block.QUOTA, blocked_until=soon(9))
    add_account("healed", blocked_reason=Block.QUOTA, blocked_until=soon(-1))
    add_account("dead", blocked_reason=Block.REJECTED)
    rows = Account.objects.usable(timezone.now()).in_order()
    assert names(rows) == ["free", "healed"]


def test_fresh_is_good_for_more_than_a_minute():
    add_account("good", access_expires_at=soon(70))
    add_account("last minute", access_expires_at=soon(50))
    add_account("none", access_expires_at=None)
    assert names(Account.objects.all().fresh(timezone.now())) == ["good"]
    assert [a.fresh for a in Account.objects.in_order()] == [True, False, False]


@pytest.mark.parametrize(
    ("fields", "status", "healed_by"),
    [
        ({}, Status.READY, ""),
        ({"enabled": False}, Status.DISABLED, ""),
        ({"blocked_reason": Block.QUOTA, "in": 9}, Status.EXHAUSTED, "time"),
        ({"blocked_reason": Block.QUOTA, "in": -1}, Status.READY, ""),
        ({"blocked_reason": Block.THROTTLED, "in": 9}, Status.COOLING, "time"),
        ({"blocked_reason": Block.TOKEN, "in": 9}, Status.COOLING, "time"),
        ({"blocked_reason": Block.SIGN_IN_AWAY, "in": 9}, Status.COOLING, "time"),
        ({"blocked_reason": Block.REJECTED}, Status.REJECTED, "person"),
        ({"blocked_reason": Block.SUSPENDED}, Status.SUSPENDED, "person"),
        ({"blocked_reason": Block.PROFILE}, Status.FORBIDDEN, "person"),
        ({"blocked_reason": Block.APPLICATION}, Status.FORBIDDEN, "person"),
        ({"blocked_reason": Block.FEATURE}, Status.FORBIDDEN, "person"),
    ],
)
def test_the_status_says_how_it_stands_and_who_heals_it(fields, status, healed_by):
    changes = dict(fields)
    if seconds := changes.pop("in", None):
        changes["blocked_until"] = soon(seconds)
    account = add_account(**changes)
    assert account.status == status
    assert account.healed_by == healed_by


def test_every_block_has_a_status():
    for reason in Block:
        account = Account(blocked_reason=reason, blocked_until=soon(9))
        assert account.status != Status.READY


def test_no_block_without_a_reason():
    with pytest.raises(IntegrityError):
        add_account(blocked_until=soon(9))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("region", "us-east-1.evil.com"),
        ("region", "us-east-1/x"),
        ("region", "US-EAST-1"),
        ("region", "us-east-1\n"),
        ("profile_arn", "arn:aws:iam::1:x"),
        ("profile_arn", ARN.replace("us-east-1", "a.b")),
        ("profile_arn", ARN + "\n"),
    ],
)
def test_what_gets_near_a_host_name_is_checked(field, value):
    account = add_account()
    setattr(account, field, value)
    with pytest.raises(ValidationError) as raised:
        account.full_clean()
    assert list(raised.value.message_dict) == [field]


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("", "us-east-1"),
        (ARN.replace("us-east-1", "eu-central-1"), "eu-central-1"),
        (ARN.replace("us-east-1", "us-gov-west-1"), "us-gov-west-1"),
    ],
)
def test_the_data_plane_is_where_the_profile_lives(arn, region):
    account = add_account(region="eu-west-1", profile_arn=arn)
    assert account.credential().region == region
    assert account.login().region == "eu-west-1"


def test_a_credential_shows_no_token():
    account = add_account(access_token="hush")
    assert account.credential().access_token == "hush"
    assert "hush" not in repr(account.credential())


def test_the_next_account_is_found_by_index():
    rows = Account.objects.usable(timezone.now()).in_order()[:1]
    plan = rows.explain()
    if connection.vendor == "sqlite":
        assert "account_in_order" in plan
        assert "TEMP B-TREE" not in plan
