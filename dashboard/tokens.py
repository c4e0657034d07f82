"""The pool as `GET /api/tokens` tells it: the fields of the original.

Told as it is: `last_used` is when it was used, null when never; unknown credits
are null, not 0; of a token no more than its last four characters.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from django.utils.translation import gettext as _

from accounts.models import Account
from dashboard.status import AccountStatus, PoolStatus

Json: TypeAlias = dict[str, object]
Word = Literal["active", "exhausted", "error", "disabled"]

WORDS: dict[Account.Status, Word] = {
    Account.Status.READY: "active",
    Account.Status.EXHAUSTED: "exhausted",
    Account.Status.AT_FLOOR: "exhausted",
    Account.Status.COOLING: "error",
    Account.Status.REJECTED: "error",
    Account.Status.SUSPENDED: "error",
    Account.Status.FORBIDDEN: "error",
    Account.Status.DISABLED: "disabled",
}


def tokens_document(pool: PoolStatus, detailed: bool) -> Json:
    """`detailed` adds why an account is in trouble: for people who are logged in."""
    counts: Json = {"total_tokens": pool.total, "active_tokens": pool.usable}
    return {
        "timestamp": _rfc3339(pool.read_at),
        **counts,
        "tokens": [
            _token(index, account, detailed)
            for index, account in enumerate(pool.accounts)
        ],
        "pool_stats": counts,
    }


def _token(index: int, account: AccountStatus, detailed: bool) -> Json:
    token: Json = {
        "index": index,
        "user_email": account.email or _("unknown user"),
        "token_preview": f"***{account.token_tail}",
        "auth_type": account.kind,
        "remaining_usage": account.available,
        "expires_at": _rfc3339(account.token_expires_at),
        "last_used": _rfc3339(account.last_used_at),
        "status": WORDS[account.status],
    }
    if account.limit is not None:
        used = account.used or 0.0
        token["usage_limits"] = {
            "total_limit": account.limit,
            "current_usage": used,
            "is_exceeded": used >= account.limit,
        }
    if account.kind == "idc":
        token["client_id"] = "***"
    if detailed and account.trouble:
        token["error"] = account.trouble
    return token


def _rfc3339(moment: datetime | None) -> str | None:
    return (
        moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
    )
