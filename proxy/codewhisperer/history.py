"""A conversation as CodeWhisperer wants its turns.

The service's rules (a broken one is a 400 for the whole conversation, for good):

    R-ENDS       the first turn and the last are the user's
    R-ALTERNATE  user and assistant alternate strictly
    R-PAIR       a user turn after tool uses answers each of them, and no others
    R-ORPHAN     answers stand nowhere else
    R-BLANK      a user turn has text that is not blank, or answers

Every conversation, however broken, is brought into that form, and nothing that
was said is left out of it. Dropped knowingly: blank texts, thinking that cannot
be replayed, and the place of a text among images and tool uses, which the form
does not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, assert_never

from proxy.codewhisperer.names import ToolNames, fit_id
from proxy.codewhisperer.turns import (
    AssistantTurn,
    Call,
    UserTurn,
    document_text,
    user_turn,
)
from proxy.messages import (
    Document,
    File,
    Image,
    Message,
    Part,
    RedactedThinking,
    RemoteImage,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)

Turn: TypeAlias = UserTurn | AssistantTurn
Replay = Literal["native", "tags", "dropped"]
"""What becomes of thinking in the history. Native: it goes back as it came,
signed. Tags: back into the text, where such a model wrote it; only while this
request asks for it, or the tags teach the model to write them unasked."""

START = "(The assistant begins.)"
EMPTY = "(empty message)"
CONTINUE = "Continue your last message exactly where it ends; repeat nothing of it."
MOVED = "(The result of {name} stands above, with its call.)"


def arrange(
    messages: Sequence[Message],
    names: ToolNames,
    *,
    opening: str,
    replay: Replay,
    max_images: int,
) -> list[Turn]:
    """Alternating turns, from the user's first to the user's current one.

    `opening` is the system text: it has no place of its own, and opens the first
    turn (R-SYSTEM). `max_images` is per message.
    """
    drafts = _Drafts(names, replay)
    for message in messages:
        for part in message.parts:
            drafts.add(message.role, part)
        if message.cache and drafts.turns:
            drafts.turns[-1].cache = True
    said = drafts.turns
    _begin(said, opening)
    if isinstance(last := said[-1], AssistantTurn):
        said.append(_Said(_closing(last, messages[-1].role)))
    turns: list[Turn] = []
    calls: list[Call] = []
    for turn in said:
        match turn:
            case _Said(texts, images, cache):
                turns.append(user_turn(texts, images, calls, max_images, cache))
            case AssistantTurn():
                turns.append(turn)
                calls = turn.calls
            case _:
                assert_never(turn)
    return turns


def _begin(said: list[_Said | AssistantTurn], opening: str) -> None:
    """R-ENDS and R-SYSTEM: the user begins, with the system text if there is one."""
    match said[:1]:
        case []:
            said.append(_Said([opening or EMPTY]))
        case [AssistantTurn()]:
            said.insert(0, _Said([opening or START]))
        case [_Said(texts)] if opening:
            texts.insert(0, f"{opening}\n")


def _closing(last: AssistantTurn, said_by: Role) -> list[str]:
    """R-PREFILL: what the user says after the assistant had the last word. Calls
    are answered, and need no word."""
    if last.calls:
        return []
    return [CONTINUE if said_by == "assistant" else EMPTY]


@dataclass(slots=True)
class _Said:
    """A user turn in the making; what it answers stands in the turn before."""

    texts: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    cache: bool = False


class _Drafts:
    """Turns in the making.

    A turn is opened only by something to put into it, so that neighbours of one
    side become one turn (R-MERGE) and empty messages none (R-EMPTY).
    """

    def __init__(self, names: ToolNames, replay: Replay) -> None:
        self.turns: list[_Said | AssistantTurn] = []
        self._names = names
        self._replay = replay
        self._reasoning: Thinking | RedactedThinking | None = None
        self._asked: dict[str, tuple[AssistantTurn, list[Call]]] = {}
        self._ids: set[str] = set()
        self._repeats: Counter[str] = Counter()

    def add(self, role: Role, part: Part) -> None:
        """R-SIDE: each part goes to the side that can carry it. The system's
        words in the middle are the user's (R-SYSTEM-TURN)."""
        match part:
            case Text(text):
                self._say(role, text)
            case Document() | File() | RemoteImage():
                self._say(role, document_text(part))
            case Image():
                self._user().images.append(part)
            case Thinking() | RedactedThinking():
                self._think(part)
            case ToolUse():
                self._call(part)
            case ToolResult():
                self._answer(part)
            case _:
                assert_never(part)

    def _user(self) -> _Said:
        self._reasoning = None
        if self.turns and isinstance(last := self.turns[-1], _Said):
            return last
        self.turns.append(turn := _Said())
        return turn

    def _assistant(self) -> AssistantTurn:
        if self.turns and isinstance(last := self.turns[-1], AssistantTurn):
            return last
        self.turns.append(turn := AssistantTurn(reasoning=self._reasoning))
        return turn

    def _say(self, role: Role, text: str) -> None:
        if text.strip():
            turn = self._assistant() if role == "assistant" else self._user()
            turn.texts.append(text)

    def _think(self, part: Thinking | RedactedThinking) -> None:
        """R-THINKING: a turn has room for one piece of reasoning, the first; it
        needs its signature, and a turn with more in it than thinking."""
        match part:
            case Thinking(text) if self._replay == "tags" and text.strip():
                self._say("assistant", f"<thinking>{text}</thinking>\n")
            case Thinking(signature=""):
                return
            case _ if self._replay != "native":
                return
            case _ if self.turns and isinstance(last := self.turns[-1], AssistantTurn):
                last.reasoning = last.reasoning or part
            case _:
                self._reasoning = self._reasoning or part

    def _call(self, use: ToolUse) -> None:
        turn = self._assistant()
        asked_in, calls = self._asked.get(use.id, (None, []))
        if asked_in is not turn:
            calls = []
            self._asked[use.id] = (turn, calls)
        if any(call.use == use for call in calls):  # R-DUPLICATE
            return
        call = Call(
            use,
            self._unique_id(use.id),
            self._names.upstream[use.name],
            self._names.shorten_input(use.name, _without_nameless(use.input)),
        )
        calls.append(call)
        turn.calls.append(call)

    def _unique_id(self, tool_use_id: str) -> str:
        """R-ID and R-DUPLICATE: fitting, and its own, in the whole conversation."""
        unique = fit_id(tool_use_id)
        while unique in self._ids:
            self._repeats[tool_use_id] += 1
            unique = fit_id(f"{tool_use_id}#{self._repeats[tool_use_id]}")
        self._ids.add(unique)
        return unique

    def _answer(self, result: ToolResult) -> None:
        """R-PAIR: a result goes to its call, wherever it stands; a second one for
        the same call is added to the first; one for no call is text (R-ORPHAN)."""
        asked_in, calls = self._asked.get(result.tool_use_id, (None, []))
        if asked_in is None:
            self._say_orphan(result)
            return
        call = next((call for call in calls if not call.results), calls[-1])
        if result not in call.results:
            call.results.append(result)
        after = self._user()
        if self.turns[-2] is not asked_in:
            after.texts.append(MOVED.format(name=call.name))

    def _say_orphan(self, result: ToolResult) -> None:
        turn = self._user()
        kind = "Error" if result.is_error else "Result"
        turn.texts.append(f"({kind} of the tool call {result.tool_use_id}:)")
        for part in result.content:
            self.add("user", part)


def _without_nameless(input: Mapping[str, Any]) -> Mapping[str, Any]:
    """R-INPUT-KEY: a property without a name is a model's slip, and refused."""
    if "" not in input:
        return input
    return {name: value for name, value in input.items() if name}
