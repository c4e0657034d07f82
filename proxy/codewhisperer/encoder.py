"""A Prompt as the request of GenerateAssistantResponse.

There is no system role, no sampling, no stop sequences. A member that says
nothing is left out, never null or empty (R-LEFT-OUT). Tools are defined on the
current message alone (R-TOOLS-CURRENT).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, assert_never
from uuid import uuid4

from proxy.catalog import Model
from proxy.codewhisperer.cachepoints import MAX_POINTS, POINT, cached_turns
from proxy.codewhisperer.history import Replay, Turn, arrange
from proxy.codewhisperer.names import ToolNames
from proxy.codewhisperer.reasoning import native_fields, thinking_tags
from proxy.codewhisperer.tools import offer_tools
from proxy.codewhisperer.turns import AssistantTurn, UserTurn
from proxy.messages import Prompt, RedactedThinking, Thinking

MAX_IMAGES = 10
"""Per message; the service refuses more."""
_CONVERSATION_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    request: dict[str, Any]
    names: ToolNames
    thinking_tags: bool
    """The model was asked to think in tags; its text begins with them."""


def encode_prompt(
    prompt: Prompt,
    *,
    model: Model,
    profile_arn: str,
    origin: str = "AI_EDITOR",
    agent_continuation_id: str,
    max_description: int,
) -> EncodedPrompt:
    """`origin` says whose credits are meant; `agent_continuation_id` is a UUID;
    `max_description` is in characters."""
    tools = offer_tools(prompt, max_description)
    tags = thinking_tags(prompt, model)
    opening = [tags, prompt.system, *tools.notes]
    turns = arrange(
        prompt.messages,
        tools.names,
        opening="\n\n".join(text for text in opening if text.strip()),
        replay=_replay(prompt, model, tags),
        max_images=MAX_IMAGES if model.images else 0,
    )
    points_left = MAX_POINTS if model.caching else 0
    specifications = tools.specifications
    if specifications and prompt.cache and points_left:
        specifications = [*specifications, {"cachePoint": POINT}]
        points_left -= 1
    cached = cached_turns(prompt, turns, points_left)
    *history, current = (
        _chat_message(turn, model.upstream_id, origin, at in cached)
        for at, turn in enumerate(turns)
    )
    if specifications:
        message = current["userInputMessage"]
        message.setdefault("userInputMessageContext", {})["tools"] = specifications
    state: dict[str, Any] = {
        "agentContinuationId": agent_continuation_id,
        "agentTaskType": "vibe",
        "chatTriggerType": "MANUAL",
        "conversationId": _conversation_id(prompt.conversation),
        "currentMessage": current,
    }
    if history:
        state["history"] = history
    request: dict[str, Any] = {"conversationState": state}
    if profile_arn:
        request["profileArn"] = profile_arn
    if fields := native_fields(prompt, model):
        request["additionalModelRequestFields"] = fields
    return EncodedPrompt(request, tools.names, thinking_tags=bool(tags))


def _replay(prompt: Prompt, model: Model, tags: str) -> Replay:
    disabled = prompt.thinking is not None and prompt.thinking.kind == "disabled"
    if model.thinking in ("claude", "gpt") and not disabled:
        return "native"
    return "tags" if tags else "dropped"


def _conversation_id(conversation: str) -> str:
    """R-CONVERSATION-ID: the client's, if the service takes it, or a new one."""
    return conversation if _CONVERSATION_ID.fullmatch(conversation) else str(uuid4())


def _chat_message(
    turn: Turn, model_id: str, origin: str, cached: bool
) -> dict[str, Any]:
    match turn:
        case UserTurn():
            kind, message = "userInputMessage", _user_message(turn, model_id, origin)
        case AssistantTurn():
            kind, message = "assistantResponseMessage", _assistant_message(turn)
        case _:
            assert_never(turn)
    if cached:
        message["cachePoint"] = POINT
    return {kind: message}


def _user_message(turn: UserTurn, model_id: str, origin: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "content": turn.text,
        "modelId": model_id,
        "origin": origin,
    }
    if turn.images:
        message["images"] = [
            {"format": image.format, "source": {"bytes": image.data}}
            for image in turn.images
        ]
    if turn.answers:
        message["userInputMessageContext"] = {
            "toolResults": [
                {
                    "toolUseId": answer.id,
                    "status": "error" if answer.is_error else "success",
                    "content": [{"text": text} for text in answer.texts],
                }
                for answer in turn.answers
            ]
        }
    return message


def _assistant_message(turn: AssistantTurn) -> dict[str, Any]:
    message: dict[str, Any] = {"content": turn.text}
    match turn.reasoning:
        case Thinking(text, signature):
            message["reasoningContent"] = {
                "reasoningText": {"text": text, "signature": signature}
            }
        case RedactedThinking(data):
            message["reasoningContent"] = {"redactedContent": data}
        case None:
            pass
    if turn.calls:
        message["toolUses"] = [
            {"toolUseId": call.id, "name": call.name, "input": call.input}
            for call in turn.calls
        ]
    return message
