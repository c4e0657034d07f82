"""What depends on the model that is asked for, and on what it said before."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.models import Model
from simulator.rules.breach import Breach
from simulator.rules.history import conversation

FIELDS = "/additionalModelRequestFields"
CHARACTERS_PER_TOKEN = 4
TOKENS_PER_IMAGE = 1_500


@dataclass(frozen=True, slots=True)
class Known:
    """What the service knows besides the request itself."""

    models: Mapping[str, Model]
    default_model: Model
    signatures: Container[str]
    """Signatures and redacted pieces of reasoning that it has handed out."""


def model_of(body: dict[str, Any], known: Known) -> Model | None:
    """The model that serves the request; None if the account does not have it."""
    user = body["conversationState"]["currentMessage"]["userInputMessage"]
    if "modelId" not in user:
        return known.default_model
    return known.models.get(user["modelId"])


def input_tokens(body: dict[str, Any], size: int) -> int:
    """An estimate by characters, `size` being the length of the body as sent."""
    images = [
        image
        for _, message in conversation(body["conversationState"])
        for image in message.get("userInputMessage", {}).get("images", ())
    ]
    pixels = sum(len(image["source"]["bytes"]) for image in images)
    text = (size - pixels) // CHARACTERS_PER_TOKEN
    return max(1, text + TOKENS_PER_IMAGE * len(images))


def model_breaches(body: dict[str, Any], size: int, known: Known) -> Iterator[Breach]:
    model = model_of(body, known)
    if model is None:
        yield Breach(
            "model-listed", "/conversationState/currentMessage/userInputMessage/modelId"
        )
        return
    yield from _signature_breaches(body["conversationState"], known.signatures)
    if "additionalModelRequestFields" in body:
        yield from _field_breaches(body["additionalModelRequestFields"], model)
    if input_tokens(body, size) > model.window:
        yield Breach("input-length", "/conversationState")


def _signature_breaches(
    state: dict[str, Any], signatures: Container[str]
) -> Iterator[Breach]:
    for path, message in conversation(state):
        assistant = message.get("assistantResponseMessage", {})
        match assistant.get("reasoningContent"):
            case {"reasoningText": {"signature": signature}} if signature in signatures:
                pass
            case {"redactedContent": redacted} if redacted in signatures:
                pass
            case None:
                pass
            case _:
                where = f"{path}/assistantResponseMessage/reasoningContent"
                yield Breach("reasoning-signature", where)


def _field_breaches(fields: dict[str, Any], model: Model) -> Iterator[Breach]:
    if model.fields is None or not fits(model.fields, fields):
        yield Breach("model-fields", FIELDS)
        return
    thinking = fields.get("thinking", {}).get("type")
    if (
        model.effort_needs_thinking
        and "output_config" in fields
        and thinking != "adaptive"
    ):
        yield Breach("model-fields", f"{FIELDS}/output_config")


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """As much of JSON schema as the models' own schemas use."""
    match schema["type"]:
        case "object":
            return isinstance(value, dict) and _object_fits(schema, value)
        case "string":
            return value in schema["enum"]
        case _:
            return (
                isinstance(value, int)
                and not isinstance(value, bool)
                and schema["minimum"] <= value <= schema["maximum"]
            )


def _object_fits(schema: Mapping[str, Any], value: dict[str, Any]) -> bool:
    properties = schema["properties"]
    return all(name in value for name in schema.get("required", ())) and all(
        name in properties and fits(properties[name], child)
        for name, child in value.items()
    )
