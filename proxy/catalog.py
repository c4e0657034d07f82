"""The models: public names, what upstream calls them, and what each one takes.

The first six entries are what kiro2api has always offered, with the upper-case
ids its README promises. What an account really has, and its true limits, its own
list says; this table is what holds until it was asked, and the only place that
knows how a model thinks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from proxy.errors import ModelUnknown
from proxy.messages import Effort

ThinkingStyle = Literal["claude", "gpt", "tags", "none"]
"""How thinking is asked for: by the native fields of either family, by tags in
the text, or not at all."""

# Upstream takes these of every account, whether its list names them or not.
_UNLISTED = {"auto", "CLAUDE_3_7_SONNET_20250219_V1_0"}

_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "max")
_ALL_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    upstream_id: str
    display_name: str
    created: date
    """The date in its name, else the month in which it was first seen."""
    window: int = 200_000
    max_output: int = 64_000
    images: bool = True
    caching: bool = False
    """It takes cache points: only an account's list says so."""
    thinking: ThinkingStyle = "tags"
    efforts: tuple[Effort, ...] = ()
    """Those the native fields take, weakest first."""
    effort_needs_thinking: bool = False
    token_ratio: float = 1.0
    """What upstream counts for one token that we estimate, as far as was learned."""
    listed_as: str = ""
    """Its id in an account's list of models, where that is another one."""

    @property
    def listed_id(self) -> str:
        """By this the accounts' lists tell who has it; empty: they do not."""
        if self.upstream_id in _UNLISTED:
            return ""
        return self.listed_as or self.upstream_id


def unknown_model(upstream_id: str) -> Model:
    """A model that is only known from an account's list, by its id there. It is
    asked to think by tags at most, which upstream takes with any model."""
    return Model(
        upstream_id,
        upstream_id,
        upstream_id,
        # What Anthropic's own list says where the date is not known.
        date(1970, 1, 1),
        thinking="tags" if upstream_id.startswith("claude") else "none",
    )


def _claude(
    name: str,
    display_name: str,
    created: date,
    *,
    max_output: int = 64_000,
    efforts: tuple[Effort, ...] = _EFFORTS,
    effort_needs_thinking: bool = False,
) -> Model:
    """A model of the generations that think natively."""
    upstream_id = re.sub(r"(\d)-(\d)", r"\1.\2", name)
    return Model(
        name,
        upstream_id,
        display_name,
        created,
        window=1_000_000,
        max_output=max_output,
        thinking="claude",
        efforts=efforts,
        effort_needs_thinking=effort_needs_thinking,
    )


def _gpt(name: str, display_name: str) -> Model:
    return Model(
        name,
        name,
        display_name,
        date(2026, 7, 1),
        window=272_000,
        thinking="gpt",
        efforts=_ALL_EFFORTS,
    )


def _open(name: str, display_name: str, window: int) -> Model:
    """An open-weight model: no images, no thinking that could be asked for."""
    return Model(
        name,
        name,
        display_name,
        date(2026, 2, 1),
        window=window,
        images=False,
        thinking="none",
    )


MODELS: tuple[Model, ...] = (
    Model(
        "claude-sonnet-4-5-20250929",
        "CLAUDE_SONNET_4_5_20250929_V1_0",
        "Claude Sonnet 4.5",
        date(2025, 9, 29),
        listed_as="claude-sonnet-4.5",
    ),
    Model(
        "claude-sonnet-4-20250514",
        "CLAUDE_SONNET_4_20250514_V1_0",
        "Claude Sonnet 4",
        date(2025, 5, 14),
        listed_as="claude-sonnet-4",
    ),
    Model(
        "claude-3-7-sonnet-20250219",
        "CLAUDE_3_7_SONNET_20250219_V1_0",
        "Claude Sonnet 3.7",
        date(2025, 2, 19),
    ),
    Model(
        "claude-3-5-haiku-20241022",
        "auto",
        "Claude Haiku 3.5 (served as auto)",
        date(2024, 10, 22),
    ),
    Model(
        "claude-sonnet-4-5",
        "CLAUDE_SONNET_4_5_20250929_V1_0",
        "Claude Sonnet 4.5",
        date(2025, 9, 29),
        listed_as="claude-sonnet-4.5",
    ),
    Model(
        "claude-haiku-4-5-20251001",
        "auto",
        "Claude Haiku 4.5 (served as auto)",
        date(2025, 10, 1),
    ),
    Model("auto", "auto", "Auto", date(2025, 10, 1)),
    Model(
        "claude-haiku-4-5", "claude-haiku-4.5", "Claude Haiku 4.5", date(2025, 10, 1)
    ),
    Model(
        "claude-opus-4-5-20251101",
        "claude-opus-4.5",
        "Claude Opus 4.5",
        date(2025, 11, 1),
    ),
    _claude(
        "claude-opus-4-6",
        "Claude Opus 4.6",
        date(2026, 2, 1),
        effort_needs_thinking=True,
    ),
    _claude("claude-sonnet-4-6", "Claude Sonnet 4.6", date(2026, 2, 1)),
    _claude(
        "claude-opus-4-7", "Claude Opus 4.7", date(2026, 5, 1), efforts=_ALL_EFFORTS
    ),
    _claude(
        "claude-opus-4-8", "Claude Opus 4.8", date(2026, 5, 1), efforts=_ALL_EFFORTS
    ),
    _claude(
        "claude-sonnet-5", "Claude Sonnet 5", date(2026, 7, 1), efforts=_ALL_EFFORTS
    ),
    _claude("claude-opus-5", "Claude Opus 5", date(2026, 8, 1)),
    _claude("claude-fable-5", "Claude Fable 5", date(2026, 8, 1), max_output=128_000),
    # The windows of these two are not known; their predecessors' is assumed.
    _claude("claude-opus-5-5", "Claude Opus 5.5", date(2026, 10, 1)),
    _claude("claude-sonnet-5-5", "Claude Sonnet 5.5", date(2026, 10, 1)),
    # Whether these take the native fields nobody has seen; tags go with any of them.
    Model(
        "claude-sonnet-4-5-1m",
        "claude-sonnet-4.5-1m",
        "Claude Sonnet 4.5 (1M context)",
        date(2025, 9, 29),
        window=1_000_000,
    ),
    Model(
        "claude-sonnet-4-6-1m",
        "claude-sonnet-4.6-1m",
        "Claude Sonnet 4.6 (1M context)",
        date(2026, 2, 1),
        window=1_000_000,
    ),
    Model(
        "claude-opus-4-6-1m",
        "claude-opus-4.6-1m",
        "Claude Opus 4.6 (1M context)",
        date(2026, 2, 1),
        window=1_000_000,
    ),
    _gpt("gpt-5.6-sol", "GPT-5.6 Sol"),
    _gpt("gpt-5.6-terra", "GPT-5.6 Terra"),
    _gpt("gpt-5.6-luna", "GPT-5.6 Luna"),
    _open("deepseek-3.2", "DeepSeek 3.2", 128_000),
    _open("glm-5", "GLM-5", 200_000),
    _open("minimax-m2.1", "MiniMax M2.1", 200_000),
    _open("minimax-m2.5", "MiniMax M2.5", 200_000),
    _open("qwen3-coder-next", "Qwen3 Coder Next", 256_000),
)

_FAMILIES = ("opus", "sonnet", "haiku", "fable")


@dataclass(frozen=True, slots=True, order=True)
class _Release:
    """What the name of a Claude model says, however it is arranged."""

    version: tuple[int, int]
    family: str
    long: bool = False


def resolve(
    name: str, family_fallback: bool, models: Sequence[Model] = MODELS
) -> Model:
    """The model a client means by `name`, out of `models`.

    Taken in this order: the exact name; an upstream id; the same release by
    another spelling (`claude-4.5-sonnet`, a date, `-latest`, `[1m]`, a vendor's
    prefix); and with `family_fallback` the newest of the family.
    """
    plain = _without_vendor(name.strip().lower())
    for model in models:
        if plain == model.name:
            return model
    for model in models:
        if plain and plain in (model.upstream_id.lower(), model.listed_id.lower()):
            return model
    if (wanted := _release(plain)) and (found := _same_release(wanted, models)):
        return found
    if family_fallback and (newest := _newest_of_family(plain, models)):
        return newest
    raise ModelUnknown(name[:100], [model.name for model in models])


def by_upstream_id(upstream_id: str) -> Model | None:
    """The entry whose traits hold for an id of either form."""
    return _BY_UPSTREAM_ID.get(upstream_id.lower())


def _without_vendor(name: str) -> str:
    """`anthropic/claude-x`, `us.anthropic.claude-x-v1:0` and `claude-x@date`."""
    name = name.rsplit("/", 1)[-1].replace("@", "-")
    name = re.sub(r"^(?:[a-z]+\.)?anthropic\.", "", name)
    return re.sub(r"(?<=[a-z0-9])-v\d(?::\d+)?$", "", name)


def _release(name: str) -> _Release | None:
    """None where a word of the name is not understood."""
    long = name.endswith(("[1m]", "-1m"))
    name = re.sub(r"(\[1m\]|-1m)$", "", name)
    name = re.sub(r"-(latest|\d{8})$", "", name)
    words = re.split(r"[-.]", name)
    families = [word for word in words if word in _FAMILIES]
    numbers = [int(word) for word in words if re.fullmatch(r"\d{1,2}", word)]
    understood = 1 + len(families) + len(numbers) == len(words)
    if words[0] != "claude" or len(families) != 1 or not understood:
        return None
    match numbers:
        case [major]:
            return _Release((major, 0), families[0], long)
        case [major, minor]:
            return _Release((major, minor), families[0], long)
        case _:
            return None


def _same_release(wanted: _Release, models: Sequence[Model]) -> Model | None:
    """A longer window is taken where there is one to take, else not insisted on."""
    releases = {_release(model.name): model for model in reversed(models)}
    usual = _Release(wanted.version, wanted.family)
    return releases.get(wanted) or releases.get(usual)


def _newest_of_family(name: str, models: Sequence[Model]) -> Model | None:
    words = re.split(r"[-.\[@]", name)
    if words[0] not in ("claude", *_FAMILIES):
        return None
    releases = [
        (release.version, not release.long, model.upstream_id != "auto", model)
        for model in models
        if (release := _release(model.name)) and release.family in words
    ]
    return max(releases, key=lambda entry: entry[:3])[3] if releases else None


_BY_UPSTREAM_ID = {
    upstream_id.lower(): model
    for model in reversed(MODELS)
    for upstream_id in (model.upstream_id, model.listed_id)
    if upstream_id
}
