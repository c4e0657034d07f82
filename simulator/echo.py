"""What the simulator says of its own accord: it repeats what it was asked."""

import re
from typing import Any

from simulator.directive import thinking_asked, without_directives

MOST_REPEATED = 400
ASIDES = re.compile(
    r"<system-reminder>.*?</system-reminder>"
    r"|<thinking_mode>.*?</thinking_mode>"
    r"|<max_thinking_length>.*?</max_thinking_length>"
    r"|<thinking_effort>.*?</thinking_effort>",
    re.DOTALL,
)
WORDS = re.compile(r"(?:\S+\s*){1,4}")


def echo_steps(body: dict[str, Any]) -> list[dict[str, Any]]:
    current = body["conversationState"]["currentMessage"]["userInputMessage"]
    text = _trimmed(current["content"])
    results = current.get("userInputMessageContext", {}).get("toolResults", [])
    if text:
        answer = f"You said: {text}"
    elif results:
        answer = f"The tool answered: {_trimmed(_result_text(results[-1]))}"
    else:
        answer = "You sent no words."
    said: list[dict[str, Any]] = [{"text": WORDS.findall(answer)}]
    match thinking_asked(body):
        case "native":
            return [{"reasoning": ["I only repeat ", "what I am told."]}, *said]
        case "tagged":
            return [{"thinking": ["I only repeat ", "what I am told."]}, *said]
        case None:
            return said


def _trimmed(text: str) -> str:
    """The end of it, where a user's own words stand behind prompts and reminders."""
    text = without_directives(ASIDES.sub("", text)).strip()
    if len(text) <= MOST_REPEATED:
        return text
    tail = text[-MOST_REPEATED:]
    return f"… {tail.split(maxsplit=1)[-1]}"


def _result_text(result: dict[str, Any]) -> str:
    return " ".join(piece.get("text", "") for piece in result["content"])
