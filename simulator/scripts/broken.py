"""Answers that go wrong after their status line, and bodies that are no JSON."""

from typing import Any

from simulator.faults import FAULTS
from simulator.scripts.answers import HELLO, WEATHER


def _exception(kind: str, message: str, reason: str | None = None) -> dict[str, Any]:
    return {"exception": kind, "message": message} | (
        {} if reason is None else {"reason": reason}
    )


INTERNAL = _exception("error", "Internal server error")

BROKEN: dict[str, dict[str, Any]] = {
    "without_tail": {"steps": [HELLO], "tail": False},
    "tool_without_tail": {"steps": [WEATHER], "tail": False},
    "tool_never_stopped": {
        "steps": [HELLO, WEATHER | {"fragments": ['{"city": "Os'], "stop": False}],
        "tail": False,
    },
    "tool_never_stopped_with_tail": {
        "steps": [HELLO, WEATHER | {"fragments": ['{"city": "Os'], "stop": False}],
        "tail": {"stop_reason": "MAX_TOKENS"},
    },
    "tool_input_truncated": {
        "steps": [HELLO, WEATHER | {"fragments": ['{"city": "Os']}],
    },
    "cut_in_frame": {"steps": [HELLO, {"text": "never read", "cut": 40}]},
    "cut_in_prelude": {"steps": [HELLO, {"text": "never read", "cut": 5}]},
    "cut_in_tool": {"steps": [HELLO, WEATHER | {"cut": 60}]},
    "closed_after_text": {"steps": [HELLO], "end": "close"},
    "closed_in_tool": {
        "steps": [HELLO, WEATHER | {"fragments": ['{"city": "Os'], "stop": False}],
        "end": "close",
    },
    "reset_before_text": {"steps": [], "end": "reset"},
    "reset_after_text": {"steps": [HELLO, {"wait": 0.05}], "end": "reset"},
    "bad_crc": {"steps": [{"text": "Hello"}, {"text": "broken", "corrupt": "message"}]},
    "bad_prelude_crc": {
        "steps": [{"text": "Hello"}, {"text": "broken", "corrupt": "prelude"}]
    },
    "bad_crc_first": {"steps": [{"text": "broken", "corrupt": "message"}]},
    "exception_before_text": {"steps": [INTERNAL]},
    "exception_after_text": {"steps": [HELLO, INTERNAL]},
    "exception_in_tool": {
        "steps": [
            HELLO,
            WEATHER | {"fragments": ['{"city": "Os'], "stop": False},
            INTERNAL,
        ]
    },
    "throttled_before_text": {
        "steps": [
            _exception(
                "throttlingError",
                FAULTS["model_capacity"].message,
                "INSUFFICIENT_MODEL_CAPACITY",
            )
        ]
    },
    "throttled_after_text": {
        "steps": [HELLO, _exception("ThrottlingException", "Too many requests")]
    },
    "validation_before_text": {
        "steps": [
            _exception(
                "validationError",
                "Input is too long.",
                "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
            )
        ]
    },
    "unavailable_before_text": {
        "steps": [
            _exception(
                "serviceUnavailableError",
                FAULTS["model_unavailable"].message,
                "MODEL_TEMPORARILY_UNAVAILABLE",
            )
        ]
    },
    "unavailable_after_text": {
        "steps": [
            HELLO,
            _exception("InternalServerException", FAULTS["model_unavailable"].message),
        ]
    },
    "content_length_exceeded": {
        "steps": [
            HELLO,
            _exception("ContentLengthExceededException", "Content length exceeded"),
        ]
    },
    "error_frame": {
        "steps": [{"error": "InternalFailure", "message": "Something broke"}]
    },
    "error_frame_after_text": {
        "steps": [HELLO, {"error": "InternalFailure", "message": "Something broke"}]
    },
    "error_in_payload": {
        "steps": [
            {
                "event": "assistantResponseEvent",
                "payload": {
                    "__type": "com.amazon.aws.codewhisperer#InternalServerException",
                    "message": "Internal server error",
                },
            }
        ],
        "tail": False,
    },
    "error_in_payload_after_text": {
        "steps": [
            HELLO,
            {
                "event": "assistantResponseEvent",
                "payload": {
                    "_type": "ThrottlingException",
                    "message": "Too many requests",
                },
            },
        ],
        "tail": False,
    },
    "invalid_state": {
        "steps": [
            {
                "event": "invalidStateEvent",
                "payload": {
                    "message": "The plan is not valid",
                    "reason": "INVALID_TASK_ASSIST_PLAN",
                },
            }
        ],
        "tail": False,
    },
    "html_error": {
        "http": {
            "status": 503,
            "headers": {"Content-Type": "text/html"},
            "body": "<html><body><h1>503 Service Unavailable</h1></body></html>",
        }
    },
    "error_without_body": {"http": {"status": 500}},
}
