from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.usage import Source, read_usage

NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
EARLIER, LATER = NOW.timestamp() - 60, NOW.timestamp() + 60

POWER = {
    "daysUntilReset": 0,
    "limits": [],
    "nextDateReset": 1777593600,
    "overageConfiguration": {"overageLimit": None, "overageStatus": "DISABLED"},
    "subscriptionInfo": {
        "overageCapability": "OVERAGE_CAPABLE",
        "subscriptionManagementTarget": "MANAGE",
        "subscriptionTitle": "KIRO POWER",
        "type": "Q_DEVELOPER_STANDALONE_POWER",
        "upgradeCapability": "UPGRADE_INCAPABLE",
    },
    "totalUsage": None,
    "usageBreakdown": None,
    "usageBreakdownList": [
        {
            "bonuses": [],
            "currency": "USD",
            "currentOverages": 0,
            "currentUsage": 5469,
            "currentUsageWithPrecision": 5469.38,
            "displayName": "Credit",
            "freeTrialInfo": None,
            "nextDateReset": 1777593600,
            "overageCap": 10000,
            "overageRate": 0.04,
            "resourceType": "CREDIT",
            "usageLimit": 10000,
            "usageLimitWithPrecision": 10000.0,
        }
    ],
    "userInfo": {"email": "ann@example.com", "userId": "d-1.ann"},
}


def credit(**changes: object) -> dict[str, object]:
    item = {"resourceType": "CREDIT", "usageLimit": 50, "currentUsage": 20}
    return {"usageBreakdownList": [item | changes]}


def trial(status: str) -> dict[str, object]:
    return {"freeTrialStatus": status, "usageLimit": 500, "currentUsage": 100}


def bonus(status: str, expires: object) -> dict[str, object]:
    figures = {"usageLimit": 10, "currentUsage": 2.5}
    return {"status": status, "expiresAt": expires} | figures


def with_overage(status: str, capability: str, **item: object) -> dict[str, object]:
    return credit(currentUsage=50, **item) | {
        "overageConfiguration": {"overageStatus": status},
        "subscriptionInfo": {"overageCapability": capability},
    }


def test_a_whole_answer_is_read():
    usage = read_usage(POWER, NOW)
    assert usage.email == "ann@example.com"
    assert usage.plan == "KIRO POWER"
    assert usage.limit == 10000.0
    assert usage.used == 5469.38
    assert usage.available == pytest.approx(4530.62)
    assert usage.resets_at == datetime(2026, 5, 1, tzinfo=UTC)
    assert not usage.exhausted


@pytest.mark.parametrize(
    ("answer", "available"),
    [
        (credit(), 30.0),
        (credit(currentUsageWithPrecision=19.25), 30.75),
        (credit(usageLimitWithPrecision=60.5), 40.5),
        (credit(currentUsageWithPrecision=None), 30.0),
        (credit(currentUsage=70), 0.0),
        (credit(usageLimit=None, currentUsage=None), 0.0),
        (credit(usageLimit="50"), 0.0),
        (credit(freeTrialInfo=None), 30.0),
        (credit(freeTrialInfo=trial("ACTIVE")), 430.0),
        (credit(freeTrialInfo=trial("EXPIRED")), 30.0),
        (credit(currentUsage=70, freeTrialInfo=trial("ACTIVE")), 400.0),
        (credit(bonuses=None), 30.0),
        (credit(bonuses=[bonus("ACTIVE", LATER), None]), 37.5),
        (credit(bonuses=[bonus("ACTIVE", None)]), 37.5),
        (credit(bonuses=[bonus("ACTIVE", EARLIER)]), 30.0),
        (credit(bonuses=[bonus("EXHAUSTED", LATER)]), 30.0),
        (with_overage("ENABLED", "OVERAGE_CAPABLE", overageCap=100), 100.0),
        (
            with_overage(
                "ENABLED", "OVERAGE_CAPABLE", overageCap=100, currentOverages=30
            ),
            70.0,
        ),
        (
            with_overage(
                "ENABLED",
                "OVERAGE_CAPABLE",
                overageCap=100,
                currentOverages=30,
                currentOveragesWithPrecision=30.5,
            ),
            69.5,
        ),
        (with_overage("ENABLED", "OVERAGE_INCAPABLE", overageCap=100), 0.0),
        (with_overage("DISABLED", "OVERAGE_CAPABLE", overageCap=100), 0.0),
        ({"usageBreakdownList": []}, None),
        ({"usageBreakdownList": None, "usageBreakdown": None}, None),
        ({}, None),
        (
            {
                "usageBreakdownList": [
                    {"resourceType": "SPEC", "usageLimit": 9},
                    {"resourceType": "CREDIT", "usageLimit": 5},
                ]
            },
            5.0,
        ),
        (
            {
                "usageBreakdownList": [
                    {"resourceType": "VIBE", "usageLimit": 9},
                    {"resourceType": "SPEC", "usageLimit": 5},
                ]
            },
            9.0,
        ),
        ({"usageBreakdown": {"usageLimit": 7, "currentUsage": 1}}, 6.0),
    ],
)
def test_available_adds_up_what_may_still_be_spent(answer, available):
    assert read_usage(answer, NOW).available == available


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (1.7592e9, datetime(2025, 9, 30, 2, 40, tzinfo=UTC)),
        (None, None),
        ("soon", None),
        (True, None),
        (float("nan"), None),
        (1e300, None),
    ],
)
def test_the_reset_is_epoch_seconds_or_nothing(seconds, moment):
    assert read_usage({"nextDateReset": seconds}, NOW).resets_at == moment


def test_the_reset_may_stand_on_the_item_alone():
    answer = credit(nextDateReset=1777593600)
    assert read_usage(answer, NOW).resets_at == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "exhausted"),
    [
        (credit(currentUsage=50), True),
        (credit(currentUsage=49), False),
        ({}, False),
        (with_overage("ENABLED", "OVERAGE_CAPABLE", overageCap=None), False),
    ],
)
def test_exhausted_needs_a_figure_and_no_overage(answer, exhausted):
    assert read_usage(answer, NOW).exhausted is exhausted


def test_each_source_of_credits_is_told():
    answer = credit(
        freeTrialInfo=trial("EXPIRED") | {"freeTrialExpiry": EARLIER},
        bonuses=[
            bonus("ACTIVE", LATER) | {"displayName": "Welcome", "bonusCode": "W"},
            bonus("ACTIVE", EARLIER) | {"bonusCode": "x" * 200},
            bonus("EXHAUSTED", None),
            bonus("NEW", LATER),
        ],
        overageCap=100,
        currentOverages=30,
    ) | {
        "subscriptionInfo": {
            "subscriptionTitle": "KIRO PRO",
            "overageCapability": "OVERAGE_CAPABLE",
        }
    }
    earlier, later = "2026-04-10T11:59:00+00:00", "2026-04-10T12:01:00+00:00"
    assert read_usage(answer, NOW).sources == (
        Source("plan", "KIRO PRO", 20, 50, None, "ACTIVE"),
        Source("trial", "", 100, 500, earlier, "EXPIRED"),
        Source("bonus", "Welcome", 2.5, 10, later, "ACTIVE"),
        Source("bonus", "x" * 100, 2.5, 10, earlier, "EXPIRED"),
        Source("bonus", "", 2.5, 10, None, "EXHAUSTED"),
        Source("bonus", "", 2.5, 10, later, "EXPIRED"),
        Source("overage", "", 30, 100, None, "DISABLED"),
    )


@pytest.mark.parametrize(
    ("status", "capability", "told"),
    [
        ("ENABLED", "OVERAGE_CAPABLE", "ENABLED"),
        ("DISABLED", "OVERAGE_CAPABLE", "DISABLED"),
        ("ENABLED", "OVERAGE_INCAPABLE", "INCAPABLE"),
    ],
)
def test_the_state_of_overage_is_kept(status, capability, told):
    *_, overage = read_usage(with_overage(status, capability), NOW).sources
    assert (overage.kind, overage.status) == ("overage", told)


def test_an_answer_without_figures_has_no_sources():
    assert read_usage({}, NOW).sources == ()
