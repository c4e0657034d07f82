"""`/mcp`: the web search of the service."""

import json

import pytest


def rpc(method="tools/call", query="python", **members):
    params = {"name": "web_search", "arguments": {"query": query}}
    message = {"jsonrpc": "2.0", "id": "one", "method": method, "params": params}
    return message | members


def search(caller, message, **headers):
    return caller.call("POST", "/mcp", message, caller.bearer("alice") | headers)


def test_a_search_has_results_as_json_in_a_text(caller):
    body = search(caller, rpc()).json()
    assert (body["id"], body["jsonrpc"]) == ("one", "2.0")
    assert body["result"]["isError"] is False
    (piece,) = body["result"]["content"]
    found = json.loads(piece["text"])
    assert found["query"] == "python"
    assert found["totalResults"] == len(found["results"]) == 3
    assert {"title", "url", "snippet", "publishedDate"} <= found["results"][0].keys()


def test_a_search_can_be_asked_by_target(caller, control):
    headers = {
        "x-amz-target": "KiroRuntimeService.InvokeMCP",
        "Content-Type": "application/x-amz-json-1.0",
    }
    arn = control.account("alice")["profile_arn"]
    answer = caller.call(
        "POST", "/", rpc(profileArn=arn), caller.bearer("alice") | headers
    )
    assert "result" in answer.json()


def test_the_tool_is_listed(caller):
    (tool,) = search(caller, rpc("tools/list")).json()["result"]["tools"]
    assert tool["name"] == "web_search"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (rpc(query=""), -32602),
        (rpc(query="x" * 201), -32602),
        (rpc(params={"name": "other"}), -32602),
        (rpc("tools/paint"), -32601),
    ],
)
def test_what_cannot_be_done_is_an_error_of_the_protocol(caller, message, code):
    assert search(caller, message).json()["error"]["code"] == code


def test_a_notification_has_no_answer(caller):
    message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = search(caller, message)
    assert (answer.status, answer.body) == (202, b"")


def test_what_is_no_message_is_refused(caller):
    assert search(caller, {"id": 1}).status == 400


def test_the_profile_in_the_header_has_to_be_the_accounts(caller):
    arn = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGH1234"
    headers = {"x-amzn-kiro-profile-arn": arn}
    assert search(caller, rpc(), **headers).status == 403


def test_a_search_can_be_made_to_fail(caller, control):
    control.enqueue("internal", operation="InvokeMCP")
    assert search(caller, rpc()).status == 500
