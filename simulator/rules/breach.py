"""The rules by name: what each says, and the reason the service gives for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    says: str
    reason: str | None = None
    """None: the service's framework refuses it, naming the field."""
    legacy: bool = False
    """The legacy hosts name the reason too; else "Improperly formed request."."""


@dataclass(frozen=True, slots=True)
class Breach:
    rule: str
    path: str = ""


def _result(says: str) -> Rule:
    return Rule(says, "TOOL_USE_RESULT_MISMATCH")


def _body(says: str) -> Rule:
    return Rule(says, "REQUEST_BODY_INVALID")


def _schema(says: str) -> Rule:
    return Rule(says, "TOOL_SCHEMA_INVALID")


RULES: dict[str, Rule] = {
    # The body and its members.
    "content-type": Rule("The content type is the one of the protocol in use."),
    "body-json": Rule("The body is a JSON object.", "REQUEST_BODY_INVALID_JSON"),
    "no-null": Rule("A member without a value is left out, never null."),
    "required": Rule("Required members are there."),
    "type": Rule("Each member has the JSON type of the model."),
    "system-prompt": _body("There is no systemPrompt member."),
    "profile-arn": Rule("profileArn is at most 950 long and fits its pattern."),
    "chat-trigger-type": Rule("chatTriggerType is MANUAL, DIAGNOSTIC or INLINE_CHAT."),
    "conversation-id": Rule("conversationId is 1 to 128 characters long."),
    "agent-continuation-id": Rule("agentContinuationId is exactly 36 long."),
    "agent-task-type": Rule("agentTaskType is vibe or spectask."),
    "agent-mode": Rule("agentMode is vibe or spec."),
    "workspace-id": Rule("workspaceId is exactly 36 long."),
    "message-union": Rule("A message is a user's or an assistant's, and only one."),
    "user-content": Rule("A user's content is at most 10,000,000 characters long."),
    "model-id": Rule("modelId is 1 to 1024 of letters, digits and _ : . -"),
    "origin": Rule("origin is one of the enumeration."),
    "cache-point": Rule("A cache point's type is default."),
    "environment": Rule("envState keeps its lengths and its three systems."),
    "additional-context": Rule("additionalContext keeps its count and lengths."),
    "message-id": Rule("messageId is at most 128 characters long."),
    "link-count": Rule("At most 10 supplementary web links, and 10 references."),
    # Images and documents.
    "image-count": Rule("At most 10 images a message.", "IMAGE_COUNT_EXCEEDED"),
    "image-format": Rule(
        "Images are png, jpeg, gif or webp.", "IMAGE_FORMAT_UNSUPPORTED"
    ),
    "image-bytes": _body("Image bytes are base64."),
    "image-size": Rule("An image has 1 to 10,000,000 bytes.", "IMAGE_SIZE_EXCEEDED"),
    "image-mime": Rule("An image's bytes are of its format.", "IMAGE_MIME_MISMATCH"),
    "image-dimension": Rule(
        "An image is at most 8000 pixels wide and high.", "IMAGE_DIMENSION_EXCEEDED"
    ),
    "document-format": Rule(
        "Documents are of a listed format.", "DISALLOWED_FILE_TYPE"
    ),
    "document-bytes": _body("Document bytes are base64, and not empty."),
    "document-name": Rule("Document names differ.", "DOCUMENT_DUPLICATE_NAME"),
    # Tools.
    "tool-union": Rule("A tool is a specification or a cache point, and only one."),
    "tool-name": Rule("A tool's name is 1 to 64 of letters, digits, _ and -"),
    "tool-description": Rule("A tool's description is 1 to 10,240 characters long."),
    "tool-duplicate": Rule("Tool names differ, in any case.", "TOOL_DUPLICATE"),
    "schema-object": _schema("A tool's schema is an object of type object."),
    "schema-properties": _schema("properties is there, an object of schemas."),
    "schema-required": _schema("required, if there, is a list of unique strings."),
    "schema-combinators": _schema("No oneOf, anyOf or allOf at the top."),
    "schema-dialect": _schema("No $schema."),
    "schema-bounds": _schema(
        "No numeric exclusive bounds, no bounds beyond 32 bits, at any depth."
    ),
    "schema-property-name": _schema("Property names are at most 64 long."),
    "schema-keyword": _schema("Keywords have the JSON type of JSON schema."),
    "tools-on-current": _body("Tool definitions stand on the current message only."),
    "tool-config": Rule(
        "A conversation with tool uses comes with tools.", "TOOL_CONFIG_MISSING"
    ),
    "tool-declared": Rule(
        "Tools named in the history are declared.", "TOOL_CONFIG_MISSING"
    ),
    # Tool uses and results.
    "tool-use-id": Rule("A toolUseId is 1 to 64 of letters, digits, _ and -"),
    "tool-use-input": Rule("A tool use's input is a JSON object."),
    "tool-use-input-key": _body("A tool use's input has no empty keys."),
    "tool-use-duplicate": _result("toolUseIds of one message differ."),
    "result-status": Rule("A result's status is success or error."),
    "result-union": Rule("A piece of a result is text or json, and only one."),
    "result-text": Rule("A result's text is at most 10,000,000 characters long."),
    "result-empty": _body("A tool result is not empty."),
    # The conversation.
    "history-empty": _body("An empty history is left out."),
    "current-is-user": _body("The current message is a user's."),
    "starts-with-user": _body("The conversation begins with a user message."),
    "alternation": _body("User and assistant take turns."),
    "user-blank": _body("A user message has non-blank content or tool results."),
    "results-without-uses": _result(
        "Tool results stand only after an assistant message with tool uses."
    ),
    "result-missing": _result("Each tool use has its result in the next message."),
    "result-unknown": _result("Each result answers a tool use of the turn before."),
    "result-repeated": _result("No tool use has two results."),
    # Reasoning and what depends on the model.
    "reasoning-union": Rule("Reasoning is text or redacted, and only one."),
    "reasoning-signature": Rule(
        "Replayed reasoning has the signature the service gave it.",
        "THINKING_SIGNATURE_INVALID",
        legacy=True,
    ),
    "model-fields": Rule("additionalModelRequestFields fit the model's own schema."),
    "model-listed": Rule(
        "The model is one of the account's.", "INVALID_MODEL_ID", legacy=True
    ),
    "input-length": Rule(
        "The input fits the model's window.",
        "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
        legacy=True,
    ),
    # Other operations.
    "query": Rule("The parameters of a read operation fit the model."),
}
