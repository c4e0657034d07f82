"""Usage, models and profiles, by REST, JSON 1.0 and Kiro."""

import pytest

USAGE = "/getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST"
MODELS = "/ListAvailableModels?origin=AI_EDITOR"
SERVICES = ("AmazonCodeWhispererService", "KiroControlPlaneBearerService")


def get(caller, path, account="alice"):
    return caller.call("GET", path, headers=caller.bearer(account))


def by_target(caller, target, body, account="alice"):
    headers = {"x-amz-target": target, "Content-Type": "application/x-amz-json-1.0"}
    return caller.call("POST", "/", body, caller.bearer(account) | headers)


def credits_of(answer):
    (item,) = answer.json()["usageBreakdownList"]
    return item


def test_usage_is_shaped_as_the_service_shapes_it(caller):
    usage = get(caller, USAGE, "bob").json()
    assert usage["usageBreakdown"] is usage["totalUsage"] is None
    assert usage["limits"] == []
    assert usage["overageConfiguration"] == {
        "overageLimit": None,
        "overageStatus": "DISABLED",
    }
    assert usage["subscriptionInfo"] == {
        "overageCapability": "OVERAGE_CAPABLE",
        "subscriptionManagementTarget": "MANAGE",
        "subscriptionTitle": "KIRO POWER",
        "type": "Q_DEVELOPER_STANDALONE_POWER",
        "upgradeCapability": "UPGRADE_INCAPABLE",
    }
    assert usage["userInfo"]["email"] is None
    (item,) = usage["usageBreakdownList"]
    assert item["resourceType"] == "CREDIT"
    assert item["freeTrialInfo"] is None
    assert item["bonuses"] == []
    assert (item["usageLimit"], item["usageLimitWithPrecision"]) == (10_000, 10_000.0)
    assert list(item) == sorted(item)


@pytest.mark.parametrize("service", SERVICES)
def test_usage_can_be_asked_by_target(caller, service):
    body = {"origin": "AI_EDITOR", "isEmailRequired": True}
    answer = by_target(caller, f"{service}.GetUsageLimits", body)
    assert answer.json()["userInfo"]["email"] == "alice@example.com"


def test_the_email_comes_only_when_asked_for(caller):
    asked = get(caller, f"{USAGE}&isEmailRequired=true").json()
    assert asked["userInfo"]["email"] == "alice@example.com"
    assert get(caller, USAGE).json()["userInfo"]["email"] is None


def test_metered_requests_take_credits_off(caller, control):
    assert credits_of(get(caller, USAGE))["currentUsageWithPrecision"] == 0
    control.enqueue({"script": "text", "tail": {"credits": 1.25}})
    caller.generate()
    item = credits_of(get(caller, USAGE))
    assert item["currentUsage"] == 1
    assert item["currentUsageWithPrecision"] == 1.25
    assert control.account("alice")["credits_left"] == 998.75


def test_used_up_is_402_and_usage_still_tells(caller, control):
    control.update_account("alice", credits_used=999.5)
    control.enqueue({"script": "text", "tail": {"credits": 1}})
    assert caller.generate().status == 200
    answer = caller.generate()
    assert answer.status == 402
    assert answer.headers["x-amzn-errortype"] == "ServiceQuotaExceededException"
    assert answer.json() == {
        "message": "You have reached the limit.",
        "reason": "MONTHLY_REQUEST_COUNT",
    }
    assert credits_of(get(caller, USAGE))["currentUsageWithPrecision"] == 1000.5


def test_trial_and_bonuses_are_used_first(caller, control):
    control.update_account(
        "alice",
        trial={"limit": 2},
        bonuses=[{"code": "HELLO", "limit": 1}],
    )
    control.enqueue({"script": "text", "tail": {"credits": 5}})
    caller.generate()
    item = credits_of(get(caller, USAGE))
    assert item["freeTrialInfo"]["currentUsageWithPrecision"] == 2
    assert item["freeTrialInfo"]["freeTrialStatus"] == "ACTIVE"
    assert item["bonuses"][0]["currentUsage"] == 1
    assert item["currentUsageWithPrecision"] == 2


def test_grants_that_are_over_do_not_count(control):
    control.update_account(
        "alice",
        credits_used=1000,
        trial={"limit": 500, "status": "EXPIRED"},
        bonuses=[{"code": "OLD", "limit": 100, "expires": 1}],
    )
    assert control.account("alice")["credits_left"] == 0


def test_overage_goes_on_until_its_cap(caller, control):
    control.update_account(
        "alice", credits_used=1000, overage={"enabled": True, "cap": 3}
    )
    control.enqueue({"script": "text", "tail": {"credits": 3}})
    assert caller.generate().status == 200
    refused = caller.generate()
    assert refused.status == 402
    assert refused.json()["reason"] == "OVERAGE_REQUEST_LIMIT_EXCEEDED"
    usage = get(caller, USAGE).json()
    assert usage["overageConfiguration"]["overageStatus"] == "ENABLED"
    assert usage["usageBreakdownList"][0]["currentOveragesWithPrecision"] == 3


@pytest.mark.parametrize(
    "query", ["origin=NOWHERE", "origin=AI_EDITOR&resourceType=GOLD"]
)
def test_parameters_are_checked(caller, control, query):
    assert get(caller, f"/getUsageLimits?{query}").status == 400
    assert control.broken_rules() == ["query"]


def test_models_are_listed_with_their_limits(caller):
    body = get(caller, MODELS).json()
    models = {model["modelId"]: model for model in body["models"]}
    assert body["defaultModel"]["modelId"] == "auto"
    assert models["claude-sonnet-5"]["tokenLimits"] == {
        "maxInputTokens": 1_000_000,
        "maxOutputTokens": 64_000,
    }
    assert "additionalModelRequestFieldsSchema" in models["claude-sonnet-5"]
    assert "additionalModelRequestFieldsSchema" not in models["claude-haiku-4.5"]
    assert models["glm-5"]["supportedInputTypes"] == ["TEXT"]


def test_models_differ_by_account(caller, control):
    free = {m["modelId"] for m in get(caller, MODELS, "carol").json()["models"]}
    assert not [name for name in free if "opus" in name]
    given = ["claude-sonnet-4", {"id": "x", "window": 9}]
    control.update_account("alice", models=given)
    models = get(caller, MODELS).json()["models"]
    assert [model["modelId"] for model in models] == ["claude-sonnet-4", "x"]
    assert models[1]["tokenLimits"]["maxInputTokens"] == 9


def test_models_come_in_pages(caller):
    first = get(caller, f"{MODELS}&maxResults=20").json()
    assert len(first["models"]) == 20
    rest = get(caller, f"{MODELS}&nextToken={first['nextToken']}").json()
    assert "nextToken" not in rest
    whole = get(caller, MODELS).json()["models"]
    assert first["models"] + rest["models"] == whole


def test_models_need_an_origin(caller):
    assert get(caller, "/ListAvailableModels").status == 400


def test_a_suspended_account_tells_usage_but_no_models(caller, control):
    control.update_account("alice", state="suspended")
    assert get(caller, USAGE).status == 200
    assert get(caller, MODELS).json()["reason"] == "TEMPORARILY_SUSPENDED"


def profiles(caller, account, **headers):
    sent = caller.bearer(account) | headers
    return caller.call("POST", "/ListAvailableProfiles", {}, sent)


def test_organisations_have_profiles_and_others_do_not(caller, control):
    (profile,) = profiles(caller, "bob").json()["profiles"]
    assert profile["arn"] == control.account("bob")["profile_arn"]
    assert profiles(caller, "carol").json() == {"profiles": []}
    assert profiles(caller, "alice").status == 403


def test_an_external_login_sees_its_profile_only_by_its_token_type(caller):
    assert profiles(caller, "dave").json() == {"profiles": []}
    found = profiles(caller, "dave", TokenType="EXTERNAL_IDP").json()
    assert len(found["profiles"]) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_profile_can_be_read(caller, control, service):
    arn = control.account("bob")["profile_arn"]
    answer = by_target(caller, f"{service}.GetProfile", {"profileArn": arn}, "bob")
    assert answer.json()["profile"]["arn"] == arn


def test_the_management_host_answers_a_bad_bearer_with_400(caller):
    headers = {
        "x-amz-target": "KiroControlPlaneBearerService.GetUsageLimits",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "Bearer nobody's",
    }
    answer = caller.call("POST", "/", {}, headers)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    headers["x-amz-target"] = "AmazonCodeWhispererService.GetUsageLimits"
    assert caller.call("POST", "/", {}, headers).status == 403


def test_faults_can_be_queued_for_any_operation(caller, control):
    control.enqueue("internal", operation="GetUsageLimits")
    control.enqueue("html_error", operation="ListAvailableModels")
    assert caller.generate().status == 200
    assert get(caller, USAGE).status == 500
    assert get(caller, USAGE).status == 200
    assert get(caller, MODELS).status == 503
