"""The frames, read by botocore."""

import struct

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from simulator import eventstream

FRAMES = [
    (
        eventstream.event("assistantResponseEvent", {"modelId": "m", "content": "hé"}),
        {
            ":event-type": "assistantResponseEvent",
            ":content-type": "application/json",
            ":message-type": "event",
        },
        '{"content":"hé","modelId":"m"}'.encode(),
    ),
    (
        eventstream.exception("throttlingError", {"message": "slow", "reason": "R"}),
        {
            ":exception-type": "throttlingError",
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        b'{"message":"slow","reason":"R"}',
    ),
    (
        eventstream.error("InternalFailure", "broke"),
        {
            ":error-code": "InternalFailure",
            ":error-message": "broke",
            ":message-type": "error",
        },
        b"",
    ),
    (eventstream.encode_frame({}, b""), {}, b""),
]


@pytest.mark.parametrize(("frame", "headers", "payload"), FRAMES)
def test_a_frame_is_read_back_whole_and_byte_by_byte(frame, headers, payload):
    for size in (len(frame), 1):
        buffer = EventStreamBuffer()
        for at in range(0, len(frame), size):
            buffer.add_data(frame[at : at + size])
        (message,) = buffer
        assert message.headers == headers
        assert message.payload == payload


def test_the_smallest_frame_is_these_sixteen_bytes():
    frame = eventstream.encode_frame({}, b"")
    assert frame.hex() == "000000100000000005c248eb7d98c8ff"


def test_a_frame_says_its_own_length():
    for frame, _, _ in FRAMES:
        assert struct.unpack(">I", frame[:4]) == (len(frame),)


def test_keys_stand_in_alphabetical_order_at_every_depth():
    payload = eventstream.encode_payload({"b": {"d": 1, "c": 2}, "a": "ü"})
    assert payload == '{"a":"ü","b":{"c":2,"d":1}}'.encode()


@pytest.mark.parametrize("part", ["prelude", "message"])
def test_a_corrupt_frame_fails_its_checksum(part):
    frame = eventstream.event("assistantResponseEvent", {"content": "x"})
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.corrupt(frame, part))
    with pytest.raises(ChecksumMismatch):
        list(buffer)
