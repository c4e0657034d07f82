"""What the simulator answers on request: the JSON of a reply, and ready scripts.

A reply is a name from `SCRIPTS` or `FAULTS`, or an object of one of four kinds:

    {"script": NAME, ...}       that script, its members replaced by those given
    {"fault": NAME, ...}        that refusal; "status", "message", "reason", "retry_ms",
                                "type", "members" (more of the body) replace its own
    {"http": {"status": 503, "headers": {}, "body": text or object}}    as it stands
    {"steps": [STEP, ...], ...} an event stream

Each kind may have "delay" (seconds) and "gate" (a name: wait until it is opened), both
before the status line. A stream may further have

    "tail"      the closing events. true: worked out; false: none (the default after an
                exception, an error, a cut, or when "end" is not "clean"); or an object:
                  "stop_reason"         a text, or false. Without it: worked out on Kiro
                                        targets; the older hosts send none
                  "usage"               {"input", "output", "cache_read", "cache_write"}
                                        in tokens, or false. Without it: estimated
                  "context_percentage"  a number, or false. Without it: worked out
                  "credits"             a number, a list (several metering events), or
                                        false. Without it: worked out
    "end"       "clean" (default), "close" (the connection is closed before the last
                HTTP chunk), "reset" (TCP reset)
    "chunks"    {"frames": 1} (default), {"frames": N}, "all", or {"bytes": N}: how
                frames become HTTP chunks. A wait sends what there is so far
    "pace"      seconds between chunks
    "headers"   more response headers

A step is an object with one of these members, and those behind it:

    "text"          a text or a list of pieces, one assistantResponseEvent each
    "fill"          a number of characters of text; "piece" (400) in each event
    "thinking"      a text or pieces, in <thinking> tags, as text
    "reasoning"     a text or pieces, as reasoningContentEvent; "signature": a text,
                    false for none; without it one is made from the text
    "redacted"      base64, as reasoningContentEvent
    "tool"          a name, or a list of which the first that is offered is taken;
                    "input" (an object; without it the call has none), "id",
                    "piece" (24 characters of input in each event),
                    "fragments" (the pieces of input as they are, valid JSON or not),
                    "stop": false (the call never ends), "as_object": true (input sent
                    whole, as an object)
    "event"         any event type; "payload"
    "exception"     any exception type; "message", "reason"
    "error"         an error code; "message"
    "wait"          seconds
    "gate"          the name of a gate to wait at

A step that writes frames may have "corrupt": "prelude" or "message" (the checksum of
its last frame is wrong) or "cut": N (its last frame ends after N bytes, and so does the
answer).
"""

from typing import Any

from simulator.faults import FAULTS
from simulator.scripts.answers import ANSWERS
from simulator.scripts.broken import BROKEN

__all__ = ["ANSWERS", "BROKEN", "FAULTS", "SCRIPTS"]

SCRIPTS: dict[str, dict[str, Any]] = ANSWERS | BROKEN
