"""The model of a GenerateAssistantResponse request, member by member."""

import re

from simulator.rules.shapes import (
    Choice,
    Flag,
    Free,
    Items,
    Number,
    Shape,
    Structure,
    Text,
    Union,
)

TEXT = Text()
FREE = Free()
LONGEST_TEXT = 10_000_000
WORD = re.compile(r"[a-zA-Z0-9_-]+")

ARN = re.compile(
    r"arn:aws:(codewhisperer|transform):[-.a-z0-9]{1,63}:\d{12}"
    r":profile/([a-zA-Z0-9]){12}"
)
PROFILE_ARN = Text("profile-arn", high=950, pattern=ARN)
MODEL_ID = Text("model-id", 1, 1024, re.compile(r"[a-zA-Z0-9_:.-]+"))
ORIGIN = Choice(
    "origin",
    frozenset(
        [
            "AI_EDITOR",
            "CLI",
            "KIRO_CLI",
            "KIRO_WEB",
            "CHATBOT",
            "CONSOLE",
            "DOCUMENTATION",
            "MARKETING",
            "MOBILE",
            "SERVICE_INTERNAL",
            "UNIFIED_SEARCH",
            "UNKNOWN",
            "MD",
            "IDE",
            "SAGE_MAKER",
            "OPENSEARCH_DASHBOARD",
            "GITLAB",
            "Q_DEV_BEXT",
            "MD_IDE",
            "MD_CE",
            "SM_AI_STUDIO_IDE",
            "INLINE_CHAT",
        ]
    ),
)
CACHE_POINT = Structure(
    {"type": Choice("cache-point", frozenset({"default"}))}, required=("type",)
)
TOOL_NAME = Text("tool-name", 1, 64, WORD)
TOOL_USE_ID = Text("tool-use-id", 1, 64, WORD)

# Format and bytes of images and documents are looked at by rules.images.
SOURCE = Structure({"bytes": TEXT}, required=("bytes",))
IMAGE = Structure({"format": TEXT, "source": SOURCE}, required=("format", "source"))
DOCUMENT = Structure(
    {
        "name": TEXT,
        "format": Choice(
            "document-format",
            frozenset(
                ["csv", "doc", "docx", "html", "md", "pdf", "txt", "xls", "xlsx"]
            ),
        ),
        "source": SOURCE,
    },
    required=("name", "format", "source"),
)

TOOL = Union(
    "tool-union",
    {
        "toolSpecification": Structure(
            {
                "name": TOOL_NAME,
                "description": Text("tool-description", 1, 10_240),
                "inputSchema": Structure(
                    {"json": Free("schema-object")}, required=("json",)
                ),
            },
            required=("name", "inputSchema"),
        ),
        "cachePoint": CACHE_POINT,
    },
)
TOOL_RESULT = Structure(
    {
        "toolUseId": TOOL_USE_ID,
        "content": Items(
            Union(
                "result-union",
                {"text": Text("result-text", high=LONGEST_TEXT), "json": FREE},
            )
        ),
        "status": Choice("result-status", frozenset({"success", "error"})),
        "toolName": TEXT,
    },
    required=("toolUseId", "content"),
)
TOOL_USE = Structure(
    {"toolUseId": TOOL_USE_ID, "name": TOOL_NAME, "input": Free("tool-use-input")},
    required=("toolUseId", "name", "input"),
)

ENV_STATE = Structure(
    {
        "operatingSystem": Choice(
            "environment", frozenset({"macos", "linux", "windows"})
        ),
        "currentWorkingDirectory": Text("environment", 1, 256),
        "environmentVariables": Items(
            Structure(
                {
                    "key": Text("environment", high=256),
                    "value": Text("environment", high=1024),
                }
            ),
            "environment",
            high=100,
        ),
        "timezoneOffset": Number("environment", -1440, 1440),
    }
)
ADDITIONAL_CONTEXT = Items(
    Structure(
        {
            "name": Text("additional-context", high=1024),
            "description": Text("additional-context", high=1024),
            "innerContext": Text("additional-context", high=8192),
        },
        required=("name", "description"),
    ),
    "additional-context",
    high=20,
)
UNUSED_CONTEXT = (
    "editorState",
    "shellState",
    "gitState",
    "appStudioContext",
    "diagnostic",
    "consoleState",
    "userSettings",
)
USER_CONTEXT = Structure(
    {
        "tools": Items(TOOL),
        "toolResults": Items(TOOL_RESULT),
        "envState": ENV_STATE,
        "additionalContext": ADDITIONAL_CONTEXT,
        **dict.fromkeys(UNUSED_CONTEXT, FREE),
    }
)
USER_MESSAGE = Structure(
    {
        "content": Text("user-content", high=LONGEST_TEXT),
        "userInputMessageContext": USER_CONTEXT,
        "modelId": MODEL_ID,
        "origin": ORIGIN,
        "images": Items(IMAGE, "image-count", high=10),
        "documents": Items(DOCUMENT),
        "cachePoint": CACHE_POINT,
        "clientCacheConfig": Structure({"useClientCachingOnly": Flag()}),
        "userIntent": TEXT,
    },
    required=("content",),
)

REASONING = Union(
    "reasoning-union",
    {
        "reasoningText": Structure(
            {"text": TEXT, "signature": TEXT}, required=("text",)
        ),
        "redactedContent": TEXT,
    },
)
ASSISTANT_MESSAGE = Structure(
    {
        "content": TEXT,
        "messageId": Text("message-id", high=128),
        "toolUses": Items(TOOL_USE),
        "reasoningContent": REASONING,
        "cachePoint": CACHE_POINT,
        "supplementaryWebLinks": Items(FREE, "link-count", high=10),
        "references": Items(FREE, "link-count", high=10),
        "followupPrompt": FREE,
        "modelTag": TEXT,
    },
    required=("content",),
)
MESSAGE = Union(
    "message-union",
    {"userInputMessage": USER_MESSAGE, "assistantResponseMessage": ASSISTANT_MESSAGE},
)
CONVERSATION_STATE = Structure(
    {
        "currentMessage": MESSAGE,
        "chatTriggerType": Choice(
            "chat-trigger-type", frozenset({"MANUAL", "DIAGNOSTIC", "INLINE_CHAT"})
        ),
        "conversationId": Text("conversation-id", 1, 128),
        "history": Items(MESSAGE),
        "agentContinuationId": Text("agent-continuation-id", 36, 36),
        "agentTaskType": Choice("agent-task-type", frozenset({"vibe", "spectask"})),
        "workspaceId": Text("workspace-id", 36, 36),
        "customizationArn": TEXT,
    },
    required=("currentMessage", "chatTriggerType"),
)

_COMMON: dict[str, Shape] = {
    "conversationState": CONVERSATION_STATE,
    "profileArn": PROFILE_ARN,
    "additionalModelRequestFields": FREE,
}
_REQUIRED = ("conversationState",)
# On REST the agent mode travels in a header.
REST_REQUEST = Structure(_COMMON, _REQUIRED)
TARGET_REQUEST = Structure(
    {**_COMMON, "agentMode": Choice("agent-mode", frozenset({"vibe", "spec"}))},
    _REQUIRED,
)
SEND_MESSAGE_REQUEST = Structure(
    {**_COMMON, "source": ORIGIN, "dryRun": Flag()}, _REQUIRED
)


def is_profile_arn(value: object) -> bool:
    return isinstance(value, str) and ARN.fullmatch(value) is not None
