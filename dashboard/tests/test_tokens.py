from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation

from accounts.models import Account
from dashboard.status import AccountStatus, PoolStatus
from dashboard.tokens import tokens_document

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def account(**fields) -> AccountStatus:
    healthy: dict[str, Any] = {
        "id": 7,
        "name": "Alice, main",
        "email": "al*******ng@*****.com",
        "kind": "social",
        "token_tail": "9fK3",
        "status": Account.Status.READY,
        "reason": None,
        "blocked_since": None,
        "blocked_until": None,
        "last_error": "",
        "last_error_at": None,
        "plan": "KIRO PRO+",
        "available": 812.4,
        "limit": 2000.0,
        "used": 1187.6,
        "resets_at": NOON,
        "token_expires_at": NOON,
        "last_used_at": NOON,
    }
    return AccountStatus(**healthy | fields)


def document(*accounts: AccountStatus, detailed: bool = False):
    return tokens_document(PoolStatus(accounts, NOON), detailed)


def test_a_healthy_account_and_one_that_was_never_used():
    fresh = account(
        email="",
        kind="idc",
        token_tail="",
        available=None,
        limit=None,
        used=None,
        token_expires_at=None,
        last_used_at=None,
    )
    counts = {"total_tokens": 2, "active_tokens": 2}
    assert document(account(), fresh) == {
        "timestamp": "2026-11-22T12:00:00Z",
        **counts,
        "tokens": [
            {
                "index": 0,
                "user_email": "al*******ng@*****.com",
                "token_preview": "***9fK3",
                "auth_type": "social",
                "remaining_usage": 812.4,
                "expires_at": "2026-11-22T12:00:00Z",
                "last_used": "2026-11-22T12:00:00Z",
                "status": "active",
                "usage_limits": {
                    "total_limit": 2000.0,
                    "current_usage": 1187.6,
                    "is_exceeded": False,
                },
            },
            {
                "index": 1,
                "user_email": "unknown user",
                "token_preview": "***",
                "auth_type": "idc",
                "remaining_usage": None,
                "expires_at": None,
                "last_used": None,
                "status": "active",
                "client_id": "***",
            },
        ],
        "pool_stats": counts,
    }


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Account.Status.READY, "active"),
        (Account.Status.EXHAUSTED, "exhausted"),
        (Account.Status.COOLING, "error"),
        (Account.Status.REJECTED, "error"),
        (Account.Status.SUSPENDED, "error"),
        (Account.Status.FORBIDDEN, "error"),
        (Account.Status.DISABLED, "disabled"),
    ],
)
def test_every_status_has_one_of_the_originals_words(status, word):
    assert document(account(status=status))["tokens"][0]["status"] == word


def test_only_accounts_that_are_ready_count_as_active():
    told = document(account(), account(status=Account.Status.COOLING))
    assert told["total_tokens"] == 2
    assert told["active_tokens"] == 1


def test_a_limit_that_is_used_up_is_exceeded():
    (token,) = document(account(used=2000.0, available=0.0))["tokens"]
    assert token["usage_limits"]["is_exceeded"] is True


def test_why_is_told_only_in_detail():
    dead = account(status=Account.Status.REJECTED, reason=Account.Block.REJECTED)
    assert "error" not in document(dead)["tokens"][0]
    (token,) = document(dead, detailed=True)["tokens"]
    assert token["error"] == "sign in again: the refresh token is dead"


def test_a_healthy_account_has_no_error_in_detail_either():
    assert "error" not in document(account(), detailed=True)["tokens"][0]


def test_unknown_users_are_named_in_the_language_of_the_reader():
    with translation.override("zh-hans"):
        (token,) = document(account(email=""))["tokens"]
    assert token["user_email"] == "未知用户"
