"""The control surface: queue, gates, captures, reset, and who hung up."""

import json
import threading

import pytest

from simulator.control import Control, ControlRefused
from simulator.testing import running_simulator
from simulator.tests.caller import Caller, conversation


def start(caller, account="alice"):
    """A request whose answer is not read yet."""
    return caller.open(
        "POST",
        "/generateAssistantResponse",
        json.dumps(conversation()).encode(),
        caller.bearer(account) | {"Content-Type": "application/json"},
    )


def test_queued_replies_are_played_in_order_and_once(caller, control):
    control.enqueue("text", {"steps": [{"text": "second"}]}, "user_rate")
    assert caller.generate().text() == "Hello, world!"
    assert caller.generate().text() == "second"
    assert caller.generate().status == 429
    assert caller.generate().text().startswith("You said")
    assert control.state()["queued"] == 0


def test_a_reply_may_wait_for_an_account(caller, control):
    control.enqueue("text", account="bob")
    assert caller.generate(account="alice").text().startswith("You said")
    assert caller.generate(account="bob").text() == "Hello, world!"


def test_a_refused_request_uses_no_reply_up(caller, control):
    control.enqueue("text")
    assert caller.generate({}).status == 400
    assert caller.generate().text() == "Hello, world!"


def test_a_gate_holds_an_answer_in_the_middle(caller, control):
    control.enqueue({"steps": [{"text": "a"}, {"gate": "middle"}, {"text": "b"}]})
    connection = start(caller)
    response = connection.getresponse()
    control.wait_for_gate("middle")
    assert control.active_streams() == 1
    assert control.requests()[-1]["state"] == "running"
    metadata, first = response.read1(), response.read1()
    assert b"messageMetadataEvent" in metadata
    assert b'"content":"a"' in first
    control.open_gate("middle")
    assert b'"content":"b"' in response.read()
    connection.close()
    control.wait_for_streams(0)


def test_a_gate_before_the_first_frame_lets_the_headers_through(caller, control):
    control.enqueue({"steps": [{"gate": "first"}, {"text": "a"}]})
    connection = start(caller)
    response = connection.getresponse()
    assert response.status == 200
    control.wait_for_gate("first")
    control.open_gate("first")
    assert b"messageMetadataEvent" in response.read1()
    connection.close()


def test_a_gate_holds_the_status_line(caller, control):
    control.enqueue({"fault": "user_rate", "gate": "headers"})
    connection = start(caller)
    control.wait_for_gate("headers")
    assert control.requests()[-1]["status"] is None
    control.open_gate("headers")
    assert connection.getresponse().status == 429
    connection.close()


def test_many_wait_at_one_gate_and_all_go_on(caller, control):
    control.enqueue(*[{"script": "text", "gate": "start"}] * 5)
    connections = [start(caller) for _ in range(5)]
    control.wait_for_gate("start", 5)
    control.open_gate("start")
    assert {connection.getresponse().status for connection in connections} == {200}
    for connection in connections:
        connection.close()


def test_a_client_that_hangs_up_is_noticed_while_it_waits(caller, control):
    control.enqueue({"steps": [{"text": "a"}, {"gate": "never"}]})
    connection = start(caller)
    connection.getresponse().read1()
    control.wait_for_gate("never")
    connection.close()
    control.wait_for_streams(0)
    call = control.requests()[-1]
    assert (call["state"], call["credits"]) == ("client_gone", [])
    assert control.state()["waiting"] == {}


def test_a_client_that_hangs_up_before_the_answer_is_noticed(caller, control):
    control.enqueue({"script": "text", "gate": "never"})
    connection = start(caller)
    control.wait_for_gate("never")
    connection.close()
    control.wait_for(lambda state: state["waiting"] == {})
    call = control.requests()[-1]
    assert (call["state"], call["status"]) == ("client_gone", None)


def test_a_refresh_waits_at_its_gate_after_the_token_rotated(caller, control):
    first = control.account("alice")["refresh_token"]
    control.update_account("alice", refresh_gate="refresh")
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(
            caller.call("POST", "/refreshToken", {"refreshToken": first})
        )
    )
    thread.start()
    control.wait_for_gate("refresh")
    assert control.account("alice")["refresh_generation"] == 2
    assert answers == []
    control.open_gate("refresh")
    thread.join()
    assert answers[0].status == 200


def test_captures_tell_what_was_sent_and_answered(caller, control):
    caller.generate(conversation("hello"), **{"x-amzn-kiro-agent-mode": "vibe"})
    (call,) = control.requests()
    assert call["operation"] == "GenerateAssistantResponse"
    assert (call["method"], call["path"]) == ("POST", "/generateAssistantResponse")
    assert call["account"] == "alice"
    assert call["headers"]["x-amzn-kiro-agent-mode"] == "vibe"
    assert "authorization" not in call["headers"]
    assert call["body"] == conversation("hello")
    assert (call["status"], call["state"]) == (200, "complete")
    assert call["refused_by"] is None
    assert len(call["credits"]) == 1


def test_captures_can_be_asked_for_by_operation_and_account(caller, control):
    caller.generate(account="alice")
    caller.generate(account="bob")
    caller.call("POST", "/refreshToken", {"refreshToken": "x"})
    assert len(control.requests()) == 3
    assert len(control.requests(account="bob")) == 1
    assert len(control.requests(operation="RefreshSocial")) == 1
    assert control.calls() == 2
    control.wait_for_calls(1, "RefreshSocial")


def test_unknown_members_are_told(caller, control):
    assert caller.generate(conversation() | {"inferenceConfig": {}}).status == 200
    assert control.unknown_members() == ["/inferenceConfig"]
    assert control.broken_rules() == []


def test_reset_brings_everything_back(caller, control):
    control.set_accounts([{"name": "zoe"}])
    control.settings(pace=0.5, rest_host="kiro")
    control.enqueue("text", "text")
    assert caller.generate(account="zoe").status == 400
    control.reset()
    assert [account["name"] for account in control.accounts()][0] == "alice"
    state = control.state()
    assert state["calls"] == {}
    assert state["queued"] == 0
    assert state["settings"] == {
        "application": None,
        "pace": 0.0,
        "rest_host": "legacy",
    }


def test_reset_gives_back_what_was_spent():
    with running_simulator([{"name": "tim", "trial": {"limit": 5}}]) as control:
        control.enqueue({"script": "text", "tail": {"credits": 3}})
        Caller(control).generate(account="tim")
        assert control.account("tim")["trial"]["used"] == 3
        control.reset()
        assert control.account("tim")["trial"] == {"limit": 5}


def test_reset_lets_held_answers_go(caller, control):
    control.enqueue({"steps": [{"gate": "held"}, {"text": "free"}]})
    connection = start(caller)
    control.wait_for_gate("held")
    control.reset()
    assert b"free" in connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize(
    "description",
    [
        {"name": "x", "colour": "red"},
        {"name": "x", "kind": "royal"},
        {"name": "x", "state": "bored"},
        {"name": "x", "plan": "GOLD"},
        {"name": "x", "throttle": "no such fault"},
        {"name": "x", "refresh_fault": {"fault": "no such fault"}},
        {},
    ],
)
def test_a_description_that_no_account_has_is_refused(control, description):
    before = control.accounts()
    with pytest.raises(ControlRefused):
        control.set_accounts([description])
    assert control.accounts() == before


def test_a_change_that_no_account_has_is_refused_whole(control):
    with pytest.raises(ControlRefused):
        control.update_account("alice", email="new@example.com", state="bored")
    assert control.account("alice")["email"] == "alice@example.com"
    assert control.account("alice")["state"] == "ok"


def test_unknown_names_are_refused(control):
    with pytest.raises(ControlRefused):
        control.account("nobody")
    with pytest.raises(ControlRefused):
        control.enqueue("text", account="nobody")
    with pytest.raises(ControlRefused):
        control.settings(colour="red")
    with pytest.raises(ControlRefused):
        control.settings(rest_host="new")
    with pytest.raises(ControlRefused):
        control.update_account("alice", name="anna")
    with pytest.raises(ControlRefused):
        control.approve_device("ABCD-EFGH", "alice")


def test_waiting_ends_with_what_was_there_instead(control: Control):
    with pytest.raises(TimeoutError, match="active_streams"):
        control.wait_for_streams(1, timeout=0.02)
