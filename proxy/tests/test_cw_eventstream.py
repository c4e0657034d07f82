"""Bytes to frames, whole, byte by byte, and beside botocore's reading of them."""

from __future__ import annotations

import struct
import uuid
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from proxy.codewhisperer.eventstream import (
    MAX_FRAME,
    MAX_HEADERS,
    ChecksumMismatch,
    EventStreamDecoder,
    EventStreamError,
    Frame,
    HeaderMalformed,
    LengthOutOfBounds,
    StreamCut,
    decode_headers,
)
from proxy.tests.frames import encode_frame, event_bytes, header, string_header

TEXT = event_bytes("assistantResponseEvent", b'{"content":"Hello"}')
EMPTY = event_bytes("dryRunSucceedEvent", b"")
EXCEPTION = encode_frame(
    string_header(":message-type", "exception")
    + string_header(":exception-type", "throttlingError"),
    b'{"message":"slow down"}',
)
ERROR = encode_frame(
    string_header(":message-type", "error")
    + string_header(":error-code", "InternalFailure")
    + string_header(":error-message", "oops"),
    b"",
)


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def read(data: bytes, size: int) -> tuple[list[Frame], EventStreamError | None]:
    """The frames of `data`, fed in chunks of `size`, and the fault they end in."""
    decoder = EventStreamDecoder()
    frames: list[Frame] = []
    try:
        for start in range(0, len(data), size):
            frames += decoder.feed(data[start : start + size])
        decoder.close()
    except EventStreamError as fault:
        return frames, fault
    return frames, None


def short(frame: Frame) -> tuple[str, str, bytes]:
    return frame.head.message_type, frame.head.type, frame.payload


TEXT_SHORT = ("event", "assistantResponseEvent", b'{"content":"Hello"}')
EXCEPTION_SHORT = ("exception", "throttlingError", b'{"message":"slow down"}')

FRAMES = [
    (b"", []),
    (TEXT, [TEXT_SHORT]),
    (EMPTY, [("event", "dryRunSucceedEvent", b"")]),
    (EXCEPTION, [EXCEPTION_SHORT]),
    (ERROR, [("error", "InternalFailure", b"")]),
    (TEXT + TEXT + EXCEPTION, [TEXT_SHORT, TEXT_SHORT, EXCEPTION_SHORT]),
]


@pytest.mark.parametrize(("data", "expected"), FRAMES)
@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_frames_come_out_however_the_bytes_were_cut(data, expected, size):
    frames, fault = read(data, size)
    assert [short(frame) for frame in frames] == expected
    assert fault is None


@pytest.mark.parametrize(("data", "expected"), FRAMES)
@pytest.mark.parametrize("size", [1, 10_000])
def test_trailing_bytes_are_a_cut_stream(data, expected, size):
    frames, fault = read(data + TEXT[:20], size)
    assert [short(frame) for frame in frames] == expected
    assert isinstance(fault, StreamCut)


def corrupted(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


TOO_LONG = prelude(MAX_FRAME + 1, 0)
UNTYPED = encode_frame(string_header(":event-type", "x"), b"")
UNKNOWN_TYPE = encode_frame(string_header(":message-type", "initial"), b"")
NO_EVENT_TYPE = encode_frame(string_header(":message-type", "event"), b"")

FAULTS = [
    pytest.param(corrupted(TEXT, 0), ChecksumMismatch, id="total length"),
    pytest.param(corrupted(TEXT, 10), ChecksumMismatch, id="prelude checksum"),
    pytest.param(corrupted(TEXT, 20), ChecksumMismatch, id="header"),
    pytest.param(corrupted(TEXT, len(TEXT) - 6), ChecksumMismatch, id="payload"),
    pytest.param(corrupted(TEXT, len(TEXT) - 1), ChecksumMismatch, id="checksum"),
    pytest.param(TOO_LONG, LengthOutOfBounds, id="frame too long"),
    pytest.param(prelude(15, 0), LengthOutOfBounds, id="frame too short"),
    pytest.param(prelude(100, 85), LengthOutOfBounds, id="headers past the frame"),
    pytest.param(
        prelude(MAX_FRAME, MAX_HEADERS + 1), LengthOutOfBounds, id="headers too long"
    ),
    pytest.param(UNTYPED, HeaderMalformed, id="no message type"),
    pytest.param(UNKNOWN_TYPE, HeaderMalformed, id="unknown message type"),
    pytest.param(NO_EVENT_TYPE, HeaderMalformed, id="no event type"),
    pytest.param(encode_frame(b"\x05ab", b""), HeaderMalformed, id="name cut"),
    pytest.param(encode_frame(b"\x01a\x0a", b""), HeaderMalformed, id="value type"),
]


@pytest.mark.parametrize(("data", "error"), FAULTS)
@pytest.mark.parametrize("size", [1, 2, 10_000])
def test_a_fault_comes_after_the_frames_before_it(data, error, size):
    frames, fault = read(TEXT + EXCEPTION + data, size)
    assert [short(frame) for frame in frames] == [TEXT_SHORT, EXCEPTION_SHORT]
    assert isinstance(fault, error)


@pytest.mark.parametrize(("data", "error"), FAULTS)
def test_nothing_is_read_after_a_fault(data, error):
    decoder = EventStreamDecoder()
    with pytest.raises(error):
        decoder.feed(data)
    with pytest.raises(error):
        decoder.feed(TEXT)
    with pytest.raises(error):
        decoder.close()


def test_a_broken_length_is_refused_before_its_body_is_waited_for():
    decoder = EventStreamDecoder()
    assert decoder.feed(TOO_LONG[:11]) == []
    with pytest.raises(LengthOutOfBounds):
        decoder.feed(TOO_LONG[11:])


HEADERS = [
    (header("t", 0, b""), {"t": True}),
    (header("f", 1, b""), {"f": False}),
    (header("b", 2, b"\xff"), {"b": -1}),
    (header("h", 3, b"\x01\x00"), {"h": 256}),
    (header("i", 4, b"\xff\xff\xff\xfe"), {"i": -2}),
    (header("q", 5, b"\x00" * 7 + b"\x09"), {"q": 9}),
    (header("a", 6, b"\x00\x02\x00\xff"), {"a": b"\x00\xff"}),
    (string_header("s", "é"), {"s": "é"}),
    (header("m", 8, b"\x00" * 6 + b"\x03\xe8"), {"m": 1000}),
    (header("u", 9, bytes(range(16))), {"u": uuid.UUID(bytes=bytes(range(16)))}),
    (string_header("x", "1") + header("y", 1, b""), {"x": "1", "y": False}),
]


@pytest.mark.parametrize(("block", "headers"), HEADERS)
def test_every_header_type_is_read(block, headers):
    assert decode_headers(block) == headers


@pytest.mark.parametrize(("block", "headers"), HEADERS)
def test_a_header_block_cut_anywhere_is_malformed(block, headers):
    whole_headers = {0, len(string_header("x", "1"))} if len(headers) > 1 else {0}
    for end in set(range(len(block))) - whole_headers:
        with pytest.raises(HeaderMalformed):
            decode_headers(block[:end])


@pytest.mark.parametrize(
    "block", [string_header("a", "1") * 2, string_header("", "1"), header("s", 7, b"")]
)
def test_a_doubtful_header_block_is_malformed(block):
    with pytest.raises(HeaderMalformed):
        decode_headers(block)


event_types = st.sampled_from(["assistantResponseEvent", "toolUseEvent", "é" * 20])
messages = st.lists(st.tuples(event_types, st.binary(max_size=300)), max_size=8)


@given(messages, st.integers(1, 400))
def test_botocore_reads_the_same(events, size):
    data = b"".join(event_bytes(kind, payload) for kind, payload in events)
    oracle = EventStreamBuffer()
    oracle.add_data(data)
    expected = [(message.headers, message.payload) for message in oracle]
    frames, fault = read(data, size)
    assert [(dict(frame.head.headers), frame.payload) for frame in frames] == expected
    assert fault is None


@given(st.binary(max_size=64), st.data())
def test_a_changed_byte_never_goes_unnoticed(payload, data):
    whole = event_bytes("assistantResponseEvent", payload)
    position = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    broken = bytearray(whole)
    broken[position] ^= change
    frames, fault = read(bytes(broken), 50)
    assert frames == []
    assert fault is not None
