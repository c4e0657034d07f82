"""What the pool looks like right now: the read model of every page and feed.

One query, no secret decrypted, nothing asked of the service.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from accounts.models import Account
from accounts.outcomes import Kind
from dashboard.masking import mask_email

# As in the original: so few credits left are worth a colour.
LOW_CREDITS = 5.0


@dataclass(frozen=True, slots=True)
class AccountStatus:
    id: int
    name: str
    """For people who are logged in: it may be somebody's."""
    email: str
    """Masked."""
    kind: Kind
    token_tail: str
    status: Account.Status
    reason: Account.Block | None
    blocked_since: datetime | None
    blocked_until: datetime | None
    last_error: str
    last_error_at: datetime | None
    plan: str
    available: float | None
    """Credits; None: not read yet."""
    limit: float | None
    used: float | None
    resets_at: datetime | None
    token_expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def usable(self) -> bool:
        return self.status == Account.Status.READY

    @property
    def low(self) -> bool:
        """Still usable, but not for long."""
        return (
            self.usable and self.available is not None and self.available <= LOW_CREDITS
        )

    @property
    def trouble(self) -> str:
        """Why it cannot be used, or what went wrong last; in our own words."""
        return str(self.reason.label) if self.reason else self.last_error

    @property
    def share_left(self) -> float | None:
        """Of all its credits, in percent."""
        if not self.limit or self.available is None:
            return None
        return round(min(max(self.available / self.limit, 0.0), 1.0) * 100, 1)


@dataclass(frozen=True, slots=True)
class PoolStatus:
    accounts: tuple[AccountStatus, ...]
    read_at: datetime = field(compare=False)
    """Left out of comparison: a pool that looks the same is the same."""

    @property
    def total(self) -> int:
        return len(self.accounts)

    @property
    def usable(self) -> int:
        return sum(account.usable for account in self.accounts)

    @property
    def in_trouble(self) -> int:
        """Neither usable nor switched off on purpose."""
        off = sum(a.status == Account.Status.DISABLED for a in self.accounts)
        return self.total - self.usable - off


def pool_status() -> PoolStatus:
    accounts = Account.objects.in_order()
    return PoolStatus(
        accounts=tuple(_account_status(account) for account in accounts),
        read_at=timezone.now(),
    )


def usable_accounts() -> int:
    return Account.objects.all().usable(timezone.now()).count()


def _account_status(account: Account) -> AccountStatus:
    blocked = account.blocked
    return AccountStatus(
        id=account.pk,
        name=account.name,
        email=mask_email(account.email),
        kind="idc" if account.kind == Account.Kinds.IDC else "social",
        token_tail=account.access_token_tail,
        status=account.status,
        reason=Account.Block(account.blocked_reason) if blocked else None,
        blocked_since=account.blocked_since if blocked else None,
        blocked_until=account.blocked_until if blocked else None,
        last_error=account.last_error,
        last_error_at=account.last_error_at,
        plan=account.plan,
        available=account.available,
        limit=account.credits_limit,
        used=account.credits_used,
        resets_at=account.resets_at,
        token_expires_at=account.access_expires_at,
        last_used_at=account.last_used_at,
    )
