"""Credits: what is left of an account's, and how they are spent. Pure."""

import time
from typing import Any

from simulator.accounts import Account


def credits_left(account: Account) -> float:
    plan = max(0.0, account.credits_limit - account.credits_used)
    return plan + sum(map(_left, _open_grants(account))) + _overage_left(account)


def on_overage(account: Account) -> bool:
    return account.overage is not None and bool(account.overage["enabled"])


def spend(account: Account, credits: float) -> None:
    """Trial and bonuses first, then the plan, then overage; the last call may pass
    the limit of either."""
    for grant in _open_grants(account):
        taken = min(credits, _left(grant))
        grant["used"] = grant.get("used", 0.0) + taken
        credits -= taken
    plan = max(0.0, account.credits_limit - account.credits_used)
    if account.overage is not None and _overage_left(account) > 0 and credits > plan:
        account.overage["used"] = account.overage.get("used", 0.0) + credits - plan
        credits = plan
    account.credits_used += credits


def _overage_left(account: Account) -> float:
    if account.overage is None or not on_overage(account):
        return 0.0
    return max(0.0, float(account.overage["cap"] - account.overage.get("used", 0.0)))


def _left(grant: dict[str, Any]) -> float:
    """Of a trial or a bonus."""
    return max(0.0, float(grant["limit"] - grant.get("used", 0.0)))


def _open_grants(account: Account) -> list[dict[str, Any]]:
    grants = [*([account.trial] if account.trial else []), *account.bonuses]
    return [
        grant
        for grant in grants
        if grant.get("status", "ACTIVE") == "ACTIVE"
        and grant.get("expires", float("inf")) > time.time()
    ]
