"""Every ready script and every refusal, played over a socket."""

import http.client
import json
import struct
from base64 import b64decode

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from simulator.control import ControlRefused
from simulator.faults import FAULTS
from simulator.scripts import ANSWERS, BROKEN, SCRIPTS
from simulator.tests.caller import conversation, read_events, tool

NO_STREAM = {"html_error", "error_without_body"}
NO_TAIL = {"nothing"}
CUT = {"cut_in_frame", "cut_in_prelude", "cut_in_tool"}
DROPPED = {
    "closed_after_text",
    "closed_in_tool",
    "reset_before_text",
    "reset_after_text",
}
BAD_CRC = {"bad_crc", "bad_prelude_crc", "bad_crc_first"}


def play(caller, control, script, body=None):
    control.enqueue(script)
    return caller.generate(body)


def payloads(answer, kind):
    return [payload for found, payload in answer.events() if found == kind]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_good_answer_is_whole_and_has_its_tail(caller, control, name):
    answer = play(caller, control, name)
    assert answer.status == 200
    kinds = [kind for kind, _ in answer.events()]
    assert len(answer.body) == sum(frame_lengths(answer.body))
    if name not in NO_TAIL and name != "without_any_usage":
        assert kinds[-1] == "meteringEvent"
    assert control.requests()[-1]["state"] == "complete"


@pytest.mark.parametrize(
    "name", sorted(BROKEN.keys() - NO_STREAM - DROPPED - CUT - BAD_CRC)
)
def test_an_answer_that_goes_wrong_is_still_made_of_whole_frames(caller, control, name):
    answer = play(caller, control, name)
    assert answer.status == 200
    assert len(answer.body) == sum(frame_lengths(answer.body))


def frame_lengths(body):
    at = 0
    while at < len(body):
        (length,) = struct.unpack_from(">I", body, at)
        yield length
        at += length


@pytest.mark.parametrize("name", sorted(CUT))
def test_a_cut_ends_inside_a_frame_and_the_body_ends_cleanly(caller, control, name):
    body = play(caller, control, name).body
    assert len(body) < sum(frame_lengths(body + bytes(16)))
    assert list(read_events(body))


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_a_dropped_connection_ends_before_the_body_does(caller, control, name):
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        play(caller, control, name)
    assert control.requests()[-1]["state"] == "cut"


def test_what_was_sent_before_a_reset_can_be_read(caller, control):
    control.enqueue("reset_after_text")
    connection = caller.open(
        "POST",
        "/generateAssistantResponse",
        json.dumps(conversation()).encode(),
        caller.bearer("alice") | {"Content-Type": "application/json"},
    )
    response = connection.getresponse()
    read = bytearray()
    with pytest.raises(ConnectionResetError):
        while True:
            read += response.read1()
    connection.close()
    said = [payload.get("content") for _, payload in read_events(bytes(read))]
    assert said[1:] == ["Hello", ", ", "world", "!"]


@pytest.mark.parametrize("name", sorted(BAD_CRC))
def test_a_bad_checksum_is_bad(caller, control, name):
    buffer = EventStreamBuffer()
    buffer.add_data(play(caller, control, name).body)
    with pytest.raises(ChecksumMismatch):
        list(buffer)


def test_an_html_body_and_an_empty_one_come_with_their_status(caller, control):
    html = play(caller, control, "html_error")
    assert (html.status, html.headers["Content-Type"]) == (503, "text/html")
    assert b"<h1>" in html.body
    empty = play(caller, control, "error_without_body")
    assert (empty.status, empty.body) == (500, b"")


@pytest.mark.parametrize("target", [None, "kiro"])
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_refusal_is_answered_with_its_status_and_reason(
    caller, control, name, target
):
    fault = FAULTS[name]
    control.enqueue({"fault": name})
    call = caller.generate if target is None else caller.generate_on_kiro
    if fault.drops:
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            call()
        return
    answer = call()
    assert answer.status == fault.status
    if fault.html is not None:
        assert answer.headers["Content-Type"].startswith("text/html")
        return
    body = answer.json()
    assert (body["message"], body["reason"]) == (fault.message, fault.reason)
    assert ("__type" in body) == (target == "kiro")
    assert body.get("retryAfterMilliseconds") == fault.retry_ms
    assert answer.headers["x-amzn-errortype"].startswith(fault.type[:10])


def test_members_of_a_refusal_can_be_replaced(caller, control):
    control.enqueue({"fault": "user_rate", "status": 400, "retry_ms": 2500})
    answer = caller.generate()
    assert (answer.status, answer.headers["Retry-After"]) == (400, "3")


def test_members_of_a_script_can_be_replaced(caller, control):
    control.enqueue({"script": "text", "tail": False})
    assert caller.generate().events()[-1][1]["content"] == "!"


def test_the_pieces_of_a_call_name_it_and_are_one_json(caller, control):
    answer = play(caller, control, "tool_with_long_input")
    pieces = payloads(answer, "toolUseEvent")
    assert len({(piece["name"], piece["toolUseId"]) for piece in pieces}) == 1
    assert pieces[0].keys() == {"name", "toolUseId"}
    assert pieces[-1]["stop"] is True
    text = "".join(piece.get("input", "") for piece in pieces)
    assert json.loads(text)["path"] == "notes/long.txt"
    assert len(pieces) > 100


def test_a_call_without_input_has_no_pieces(caller, control):
    pieces = payloads(play(caller, control, "tool_without_input"), "toolUseEvent")
    assert [sorted(piece) for piece in pieces] == [
        ["name", "toolUseId"],
        ["name", "stop", "toolUseId"],
    ]


def test_parallel_calls_have_ids_of_their_own(caller, control):
    pieces = payloads(play(caller, control, "tools_in_parallel"), "toolUseEvent")
    ids = {piece["toolUseId"]: piece["name"] for piece in pieces}
    assert sorted(ids.values()) == ["get_time", "get_weather"]
    assert all(len(tool_id) == len("tooluse_") + 22 for tool_id in ids)


def test_the_first_name_that_is_offered_is_called(caller, control):
    body = conversation(userInputMessageContext={"tools": [tool("Bash")]})
    script = {"steps": [{"tool": ["bash", "Bash"], "input": {}}]}
    (first, *_) = payloads(play(caller, control, script, body), "toolUseEvent")
    assert first["name"] == "Bash"


def test_reasoning_is_signed_and_the_signature_is_known_again(caller, control):
    answer = play(caller, control, "thinking_native")
    *thoughts, last = payloads(answer, "reasoningContentEvent")
    text = "".join(piece["text"] for piece in thoughts)
    assert last["text"] == ""
    assert b64decode(last["signature"])

    body = conversation()
    reasoning = {"reasoningText": {"text": text, "signature": last["signature"]}}
    body["conversationState"]["history"] = [
        {"userInputMessage": {"content": "hello"}},
        {
            "assistantResponseMessage": {
                "content": "hello",
                "reasoningContent": reasoning,
            }
        },
    ]
    assert caller.generate(body).status == 200
    control.reset()
    refused = caller.generate(body)
    assert refused.json()["reason"] == "THINKING_SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("chunks", "sizes"),
    [
        ({"bytes": 7}, {7}),
        ({"bytes": 1}, {1}),
    ],
)
def test_bytes_may_be_split_anywhere(caller, control, chunks, sizes):
    control.enqueue({"script": "text_unicode", "chunks": chunks})
    found = chunk_sizes(caller)
    assert set(found[:-1]) == sizes


def test_frames_may_be_grouped(caller, control):
    control.enqueue({"script": "text", "chunks": "all"})
    assert len(chunk_sizes(caller)) == 1
    control.enqueue({"script": "text", "chunks": {"frames": 3}})
    assert len(chunk_sizes(caller)) == 3


def chunk_sizes(caller):
    connection = caller.open(
        "POST",
        "/generateAssistantResponse",
        json.dumps(conversation()).encode(),
        caller.bearer("alice") | {"Content-Type": "application/json"},
    )
    sizes = []
    with connection.getresponse() as response:
        while size := int(response.fp.readline(), 16):
            response.fp.read(size + 2)
            sizes.append(size)
    connection.close()
    return sizes


def test_the_credits_of_several_meterings_add_up(caller, control):
    answer = play(caller, control, "several_meterings")
    usages = [payload["usage"] for payload in payloads(answer, "meteringEvent")]
    assert usages == [0.0169543708291874, 0.002, 0.5]
    state = control.account("alice")
    assert state["metered_requests"] == 1
    assert state["credits_metered"] == pytest.approx(sum(usages))
    assert control.requests()[-1]["credits"] == usages


def test_nothing_is_metered_without_a_tail(caller, control):
    play(caller, control, "without_tail")
    assert control.account("alice")["metered_requests"] == 0


def test_usage_may_tell_of_the_cache(caller, control):
    (metadata,) = payloads(play(caller, control, "cache_usage"), "metadataEvent")
    assert metadata["tokenUsage"] == {
        "cacheReadInputTokens": 900,
        "cacheWriteInputTokens": 30,
        "outputTokens": 4,
        "totalTokens": 1054,
        "uncachedInputTokens": 120,
    }


@pytest.mark.parametrize(
    "reply",
    [
        "no such script",
        {"script": "no such script"},
        {"fault": "no such fault"},
        {"fault": "user_rate", "colour": "red"},
        {"steps": [{"song": "la"}]},
        {"steps": [{"text": "a", "tool": "b"}]},
        {"steps": [{"text": "a", "wait": 1}]},
        {"steps": [], "colour": "red"},
        {"steps": [], "chunks": {"lines": 1}},
        {"steps": [], "end": "never"},
        {"steps": [{"text": 7}]},
        {},
        7,
    ],
)
def test_a_reply_that_says_nothing_known_is_refused(control, reply):
    with pytest.raises(ControlRefused):
        control.enqueue(reply)


def test_good_answers_and_broken_ones_share_no_name():
    assert ANSWERS.keys().isdisjoint(BROKEN)
    assert SCRIPTS.keys().isdisjoint(FAULTS)
