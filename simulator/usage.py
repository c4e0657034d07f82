"""The answer of getUsageLimits: every absent thing is spelt as null. Pure."""

from typing import Any

from simulator.accounts import Account, Plan
from simulator.quota import on_overage

TITLES: dict[Plan, str] = {
    "FREE": "KIRO FREE",
    "PRO": "KIRO PRO",
    "PRO_PLUS": "KIRO PRO+",
    "POWER": "KIRO POWER",
}
OVERAGE_RATE = 0.04
FAR = 4_102_444_800  # 2100-01-01, where a grant names no end


def usage_limits(account: Account, with_email: bool) -> dict[str, Any]:
    plan = account.plan
    return {
        # Wrong in real life too: readers go by nextDateReset.
        "daysUntilReset": 0,
        "limits": [],
        "nextDateReset": account.next_reset,
        "overageConfiguration": {
            "overageLimit": None,
            "overageStatus": "ENABLED" if on_overage(account) else "DISABLED",
        },
        "subscriptionInfo": {
            "overageCapability": (
                "OVERAGE_INCAPABLE" if plan == "FREE" else "OVERAGE_CAPABLE"
            ),
            "subscriptionManagementTarget": "PURCHASE" if plan == "FREE" else "MANAGE",
            "subscriptionTitle": TITLES[plan],
            "type": f"Q_DEVELOPER_STANDALONE_{plan}",
            "upgradeCapability": (
                "UPGRADE_INCAPABLE" if plan == "POWER" else "UPGRADE_CAPABLE"
            ),
        },
        "totalUsage": None,
        "usageBreakdown": None,
        "usageBreakdownList": [_credits(account)],
        "userInfo": {
            "email": account.email if with_email else None,
            "userId": f"d-0000000000.{account.name}",
        },
    }


def _credits(account: Account) -> dict[str, Any]:
    overage = account.overage or {}
    cap = float(overage.get("cap", account.credits_limit))
    over = float(overage.get("used", 0.0))
    return {
        "bonuses": [_bonus(bonus) for bonus in account.bonuses],
        "currency": "USD",
        "currentOverages": int(over),
        "currentOveragesWithPrecision": over,
        "currentUsage": int(account.credits_used),
        "currentUsageWithPrecision": float(account.credits_used),
        "displayName": "Credit",
        "displayNamePlural": "Credits",
        "freeTrialInfo": account.trial and _trial(account.trial),
        "nextDateReset": account.next_reset,
        "overageCap": int(cap),
        "overageCapWithPrecision": cap,
        "overageCharges": over * OVERAGE_RATE,
        "overageRate": OVERAGE_RATE,
        "resourceType": "CREDIT",
        "unit": "INVOCATIONS",
        "usageLimit": int(account.credits_limit),
        "usageLimitWithPrecision": float(account.credits_limit),
    }


def _trial(trial: dict[str, Any]) -> dict[str, Any]:
    used, limit = float(trial.get("used", 0.0)), float(trial["limit"])
    return {
        "currentUsage": int(used),
        "currentUsageWithPrecision": used,
        "freeTrialExpiry": trial.get("expires", FAR),
        "freeTrialStatus": trial.get("status", "ACTIVE"),
        "usageLimit": int(limit),
        "usageLimitWithPrecision": limit,
    }


def _bonus(bonus: dict[str, Any]) -> dict[str, Any]:
    return {
        "bonusCode": bonus["code"],
        "currentUsage": float(bonus.get("used", 0.0)),
        "description": f"Bonus {bonus['code']}",
        "displayName": bonus["code"],
        "expiresAt": bonus.get("expires", FAR),
        "redeemedAt": None,
        "status": bonus.get("status", "ACTIVE"),
        "usageLimit": float(bonus["limit"]),
    }
