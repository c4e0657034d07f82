"""The models the service knows: ids, windows, what they take, what they cost."""

from dataclasses import dataclass
from typing import Any

WINDOW_1M = 1_000_000
WINDOW_200K = 200_000

EFFORTS = ["low", "medium", "high", "max"]
EFFORTS_X = ["low", "medium", "high", "xhigh", "max"]


def claude_fields(efforts: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "thinking": {
                "type": "object",
                "additionalProperties": False,
                "required": ["type"],
                "properties": {
                    "type": {"type": "string", "enum": ["adaptive", "disabled"]},
                    "display": {"type": "string", "enum": ["summarized", "omitted"]},
                },
            },
            "output_config": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"effort": {"type": "string", "enum": efforts}},
            },
            "max_tokens": {"type": "integer", "minimum": 1024, "maximum": 64000},
        },
    }


def gpt_fields() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "reasoning": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "effort": {"type": "string", "enum": ["none", *EFFORTS_X]}
                },
            }
        },
    }


@dataclass(frozen=True, slots=True)
class Model:
    id: str
    window: int = WINDOW_200K
    output: int = 64_000
    rate: float = 1.0
    images: bool = True
    caching: bool = False
    fields: dict[str, Any] | None = None
    """Schema of `additionalModelRequestFields`; None: the model takes none."""
    effort_needs_thinking: bool = False
    legacy_id: str | None = None
    """The upper-case id of old, still taken by the legacy hosts."""

    def listed(self) -> dict[str, Any]:
        """An item of ListAvailableModels."""
        item: dict[str, Any] = {
            "description": f"The {self.id} model",
            "modelId": self.id,
            "modelName": self.id,
            "promptCaching": {"supportsPromptCaching": self.caching},
            "rateMultiplier": self.rate,
            "rateUnit": "Credit",
            "supportedInputTypes": ["TEXT", "IMAGE"] if self.images else ["TEXT"],
            "tokenLimits": {
                "maxInputTokens": self.window,
                "maxOutputTokens": self.output,
            },
        }
        if self.caching:
            item["promptCaching"] |= {
                "maximumCacheCheckpointsPerRequest": 4,
                "minimumTokensPerCacheCheckpoint": 1024,
            }
        if self.fields is not None:
            item["additionalModelRequestFieldsSchema"] = self.fields
        return item


def _claude(name: str, *, rate: float, efforts: list[str], **more: Any) -> Model:
    return Model(
        name,
        window=WINDOW_1M,
        rate=rate,
        caching=True,
        fields=claude_fields(efforts),
        **more,
    )


def _gpt(name: str, rate: float) -> Model:
    return Model(name, window=272_000, rate=rate, fields=gpt_fields())


def _open(name: str, rate: float, window: int = WINDOW_200K) -> Model:
    return Model(name, window=window, rate=rate, images=False)


MODELS = {
    model.id: model
    for model in (
        Model("auto"),
        _claude("claude-opus-5.5", rate=2.2, efforts=EFFORTS),
        _claude("claude-sonnet-5.5", rate=1.3, efforts=EFFORTS),
        _claude("claude-opus-5", rate=2.2, efforts=EFFORTS),
        _claude("claude-fable-5", rate=2.2, efforts=EFFORTS, output=128_000),
        _claude("claude-sonnet-5", rate=1.3, efforts=EFFORTS_X),
        _claude("claude-opus-4.8", rate=2.2, efforts=EFFORTS_X),
        _claude("claude-opus-4.7", rate=2.2, efforts=EFFORTS_X),
        _claude(
            "claude-opus-4.6", rate=2.2, efforts=EFFORTS, effort_needs_thinking=True
        ),
        _claude("claude-sonnet-4.6", rate=1.3, efforts=EFFORTS),
        Model(
            "claude-opus-4.5",
            rate=2.2,
            legacy_id="CLAUDE_OPUS_4_5_20251101_V1_0",
        ),
        Model("claude-haiku-4.5", rate=0.4),
        Model(
            "claude-sonnet-4.5",
            rate=1.3,
            legacy_id="CLAUDE_SONNET_4_5_20250929_V1_0",
        ),
        Model("claude-sonnet-4", rate=1.3, legacy_id="CLAUDE_SONNET_4_20250514_V1_0"),
        Model("claude-sonnet-4.5-1m", rate=1.3, window=WINDOW_1M),
        Model("claude-sonnet-4.6-1m", rate=1.3, window=WINDOW_1M),
        Model("claude-opus-4.6-1m", rate=2.2, window=WINDOW_1M),
        _gpt("gpt-5.6-sol", 2.4),
        _gpt("gpt-5.6-terra", 1.2),
        _gpt("gpt-5.6-luna", 1.2),
        _open("deepseek-3.2", 0.25, window=128_000),
        _open("glm-5", 0.5),
        _open("minimax-m2.1", 0.15),
        _open("minimax-m2.5", 0.25),
        _open("qwen3-coder-next", 0.05, window=256_000),
    )
}

# Never listed, yet taken by the legacy hosts.
UNLISTED = {
    "CLAUDE_3_7_SONNET_20250219_V1_0": Model(
        "CLAUDE_3_7_SONNET_20250219_V1_0", rate=1.3
    )
}
