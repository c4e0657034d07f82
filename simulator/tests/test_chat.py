"""GenerateAssistantResponse on every host generation: checks, then a stream."""

import json

import pytest

from simulator.tests.caller import (
    RUNTIME,
    STREAMING,
    changed,
    conversation,
    tool_round_trip,
)

LEGACY_TAIL = ["metadataEvent", "contextUsageEvent", "meteringEvent"]
ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGH1234"


def kinds(answer):
    return [kind for kind, _ in answer.events()]


def test_without_a_script_the_answer_repeats_what_was_asked_in_pieces(caller):
    answer = caller.generate(conversation("What is the weather like in Oslo today?"))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert answer.text() == "You said: What is the weather like in Oslo today?"
    assert kinds(answer).count("assistantResponseEvent") > 2
    assert answer.headers["x-amzn-requestid"]


def test_reminders_and_long_prompts_are_not_repeated(caller):
    text = "<system-reminder>be kind</system-reminder>" + "prompt " * 500 + "the end"
    said = caller.generate(conversation(text)).text()
    assert said.startswith("You said: … prompt")
    assert said.endswith("the end")
    assert "reminder" not in said
    assert len(said) < 500


def test_a_tool_result_is_answered_in_words(caller):
    answer = caller.generate(tool_round_trip())
    assert answer.text() == "The tool answered: 12 C, rain"


def test_the_older_hosts_begin_with_metadata_and_tell_no_stop_reason(caller):
    for target in (None, STREAMING):
        answer = caller.generate(target=target)
        assert kinds(answer)[0] == "messageMetadataEvent"
        assert kinds(answer)[-3:] == LEGACY_TAIL
        assert "stopReason" not in dict(answer.events())["metadataEvent"]


def test_the_kiro_runtime_begins_with_the_answer_and_tells_the_stop_reason(caller):
    answer = caller.generate_on_kiro()
    assert kinds(answer)[0] == "assistantResponseEvent"
    assert kinds(answer)[-3:] == LEGACY_TAIL
    assert dict(answer.events())["metadataEvent"]["stopReason"] == "END_TURN"


def test_the_conversation_id_comes_back_in_the_header_of_the_generation(caller):
    sent = conversation()["conversationState"]["conversationId"]
    legacy = caller.generate().headers
    assert legacy["x-amzn-codewhisperer-conversation-id"] == sent
    kiro = caller.generate_on_kiro().headers
    assert kiro["x-amzn-kiro-conversation-id"] == sent
    assert not [
        name
        for name in caller.generate(target=STREAMING).headers
        if name.endswith("conversation-id")
    ]


def test_payloads_have_their_keys_in_alphabetical_order(caller, control):
    control.enqueue("tool_after_text")
    for _, payload in caller.generate().events():
        assert list(payload) == sorted(payload)


def test_the_tail_agrees_with_itself(caller):
    events = dict(caller.generate_on_kiro().events())
    usage = events["metadataEvent"]["tokenUsage"]
    total = usage["uncachedInputTokens"] + usage["outputTokens"]
    assert usage["totalTokens"] == total
    percentage = events["contextUsageEvent"]["contextUsagePercentage"]
    assert percentage == pytest.approx(total / 200_000 * 100)
    assert events["meteringEvent"]["unit"] == "credit"
    assert events["meteringEvent"]["usage"] > 0


def test_each_frame_is_an_http_chunk_of_its_own(caller):
    connection = caller.open(
        "POST",
        "/generateAssistantResponse",
        json.dumps(conversation("one two three four five six")).encode(),
        caller.bearer("alice") | {"Content-Type": "application/json"},
    )
    with connection.getresponse() as response:
        raw = response.fp
        sizes = []
        while size := int(raw.readline(), 16):
            frame = raw.read(size)
            assert int.from_bytes(frame[:4], "big") == size
            sizes.append(size)
            raw.readline()
        assert len(sizes) > 4
    connection.close()


# What is refused, and in which order.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nobody's"},
        {"Authorization": "Basic abc"},
    ],
)
def test_no_bearer_and_an_unknown_one_are_refused_alike(caller, headers):
    answer = caller.call("POST", "/generateAssistantResponse", conversation(), headers)
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert answer.json() == {
        "message": "The bearer token included in the request is invalid.",
        "reason": None,
    }


def test_an_expired_token_is_refused_and_a_new_one_serves(caller, control):
    stale = caller.bearer("alice")
    control.expire_access_token("alice")
    path = "/generateAssistantResponse"
    assert caller.call("POST", path, conversation(), stale).status == 403
    assert caller.generate().status == 200


def test_a_kiro_target_names_its_type_in_the_body(caller):
    headers = {"x-amz-target": RUNTIME, "Content-Type": "application/x-amz-json-1.0"}
    answer = caller.call("POST", "/", conversation(), headers)
    assert answer.status == 403
    assert (
        answer.json()["__type"]
        == "com.amazon.kiro.runtimeservice#AccessDeniedException"
    )


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        ("suspended", "TEMPORARILY_SUSPENDED", "temporarily is suspended"),
        ("unauthorized", None, "not authorized"),
        ("wrong_application", None, "does not support this application"),
        ("feature_not_supported", "FEATURE_NOT_SUPPORTED", ""),
    ],
)
def test_the_state_of_an_account_refuses(caller, control, state, reason, message):
    control.update_account("alice", state=state)
    answer = caller.generate()
    assert answer.status == 403
    assert answer.json()["reason"] == reason
    assert message in answer.json()["message"]


def test_the_application_in_the_user_agent_can_be_demanded(caller, control):
    control.settings(application="kiro2api")
    assert caller.generate(**{"User-Agent": "kiro2api/1"}).status == 200
    answer = caller.generate(**{"User-Agent": "curl/8"})
    assert (answer.status, answer.json()["message"]) == (
        403,
        "Your subscription does not support this application.",
    )


def test_the_runtime_demands_a_profile_and_the_older_hosts_when_told(caller, control):
    required = "profileArn is required for this request."
    assert caller.generate(target=RUNTIME).json()["message"] == required
    assert caller.generate().status == 200
    control.update_account("alice", requires_profile_arn=True)
    assert caller.generate().json()["message"] == required


def test_the_profile_of_another_account_is_refused(caller):
    answer = caller.generate(conversation() | {"profileArn": ARN})
    assert (answer.status, answer.json()["message"]) == (
        403,
        "User is not authorized to make this call.",
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(caller, control, body):
    assert caller.generate(body).json()["message"] == "Improperly formed request."
    json_style = caller.generate(body, target=STREAMING)
    assert json_style.json()["reason"] == "REQUEST_BODY_INVALID_JSON"
    assert control.broken_rules() == ["body-json", "body-json"]


def test_the_content_type_is_the_one_of_the_protocol(caller, control):
    assert caller.generate(**{"Content-Type": "text/plain"}).status == 400
    assert control.broken_rules() == ["content-type"]


def test_a_broken_rule_is_named_in_the_capture_and_by_the_generation(caller, control):
    body = changed(conversation(), "chatTriggerType", "AUTO")
    legacy = caller.generate(body)
    assert legacy.status == 400
    assert legacy.json() == {"message": "Improperly formed request.", "reason": None}
    kiro = caller.generate_on_kiro(body)
    assert kiro.headers["x-amzn-errortype"] == "ValidationException"
    assert kiro.json()["fieldList"][0]["path"] == "/conversationState/chatTriggerType"
    (first, second) = control.requests()
    assert first["refused_by"] == second["refused_by"] == "chat-trigger-type"
    assert first["breach"] == "/conversationState/chatTriggerType"


def test_a_reason_on_kiro_makes_it_a_validation_error(caller):
    user = {"content": "never mind"}
    body = changed(tool_round_trip(), "currentMessage/userInputMessage", user)
    answer = caller.generate_on_kiro(body)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "ValidationError"
    assert answer.json()["reason"] in (
        "TOOL_USE_RESULT_MISMATCH",
        "REQUEST_BODY_INVALID",
    )


def test_rest_paths_may_be_those_of_a_runtime_host(caller, control):
    control.settings(rest_host="kiro")
    body = changed(conversation(), "chatTriggerType", "AUTO")
    assert caller.generate(body).json()["message"].startswith("profileArn is required")
    arn = control.account("alice")["profile_arn"]
    assert "fieldList" in caller.generate(body | {"profileArn": arn}).json()
    assert caller.generate(conversation() | {"profileArn": arn}).status == 200


def test_old_model_ids_hold_on_the_older_hosts_only(caller):
    old = conversation(modelId="CLAUDE_SONNET_4_5_20250929_V1_0")
    assert caller.generate(old).status == 200
    unlisted = conversation(modelId="CLAUDE_3_7_SONNET_20250219_V1_0")
    assert caller.generate(unlisted).status == 200
    assert caller.generate_on_kiro(old).json()["reason"] == "INVALID_MODEL_ID"


def test_a_free_account_has_no_opus(caller):
    body = conversation(modelId="claude-opus-4.5")
    assert caller.generate(body).status == 200
    refused = caller.generate(body, account="carol")
    assert (refused.status, refused.json()["reason"]) == (400, "INVALID_MODEL_ID")


def test_input_beyond_the_models_window_is_too_long(caller, control):
    control.update_account("alice", models=[{"id": "claude-sonnet-4.5", "window": 500}])
    assert caller.generate().status == 200
    answer = caller.generate(conversation("word " * 500))
    assert answer.status == 400
    assert answer.json() == {
        "message": "Input is too long.",
        "reason": "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
    }


def test_the_checks_come_in_the_services_order(caller, control):
    """Each fault is mended in turn; the answer tells the next."""
    control.update_account(
        "alice", state="suspended", throttle="user_rate", credits_used=1000
    )
    arn = control.account("alice")["profile_arn"]
    broken = changed(conversation(modelId="nobodys"), "chatTriggerType", "AUTO")
    mended = conversation(modelId="nobodys")

    assert caller.generate(broken, target=RUNTIME).json()["reason"] == (
        "TEMPORARILY_SUSPENDED"
    )
    control.update_account("alice", state="ok")
    assert "profileArn" in caller.generate(broken, target=RUNTIME).json()["message"]
    profiled = broken | {"profileArn": arn}
    assert "fieldList" in caller.generate(profiled, target=RUNTIME).json()
    answer = caller.generate_on_kiro(mended)
    assert answer.json()["reason"] == "INVALID_MODEL_ID"
    assert caller.generate_on_kiro().status == 429
    control.update_account("alice", throttle=None)
    assert caller.generate_on_kiro().status == 402
    control.update_account("alice", credits_used=0)
    assert caller.generate_on_kiro().status == 200


def test_a_throttle_lasts_as_often_as_it_is_told(caller, control):
    control.update_account(
        "alice", throttle={"fault": "credit_rate", "retry_ms": 1500, "times": 2}
    )
    for _ in range(2):
        answer = caller.generate()
        assert answer.status == 429
        assert answer.json()["retryAfterMilliseconds"] == 1500
        assert answer.headers["Retry-After"] == "2"
    assert caller.generate().status == 200


# Older siblings.


def test_send_message_streams_the_same_and_refuses_organisations(caller):
    sent = conversation() | {"source": "CLI"}
    answer = caller.call("POST", "/SendMessageStreaming", sent, caller.bearer("alice"))
    assert answer.text().startswith("You said")
    refused = caller.call("POST", "/SendMessageStreaming", sent, caller.bearer("bob"))
    assert refused.json()["message"] == (
        "Your subscription does not support this application."
    )


def test_a_dry_run_says_only_that_it_succeeded(caller):
    answer = caller.call(
        "POST",
        "/SendMessageStreaming",
        conversation() | {"dryRun": True},
        caller.bearer("alice"),
    )
    assert answer.events()[-1] == ("dryRunSucceedEvent", {})


@pytest.mark.parametrize(
    ("account", "kind"), [("dave", "EXTERNAL_IDP"), ("erin", "API_KEY")]
)
def test_some_kinds_must_name_their_token_type(caller, control, account, kind):
    bearer = caller.bearer(account)
    if account == "erin":
        bearer = {"Authorization": f"Bearer {control.account('erin')['api_key']}"}
    path = "/generateAssistantResponse"
    assert caller.call("POST", path, conversation(), bearer).status == 403
    typed = bearer | {"TokenType": kind}
    assert caller.call("POST", path, conversation(), typed).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("POST", "/"), ("POST", "/x")]
)
def test_what_the_service_does_not_have_is_not_found(caller, method, path):
    answer = caller.call(method, path, {})
    assert answer.status == 404
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
