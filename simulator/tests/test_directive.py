"""`<<SIM:{"turns":[...]}:SIM>>`, turn by turn."""

import json

import pytest

from simulator.directive import ANY_TEXT, SUMMARY, directed_steps, without_directives
from simulator.tests.caller import conversation, tool

READ = {"tool": ["read_file", "Read"], "input": {"file_path": "a.txt"}}
WRITE = {"tool": "Write", "input": {"file_path": "b.txt"}}
READ_STEP = {"tool": "Read", "input": {"file_path": "a.txt"}}
WRITE_STEP = {"tool": "Write", "input": {"file_path": "b.txt"}}
OFFERED = ("Read", "Write")


def directive(*turns):
    return f"<<SIM:{json.dumps({'turns': turns})}:SIM>>"


def asked(*contents, tools=OFFERED, **members):
    """Messages of user and assistant in turn; the last is the current one."""
    *past, current = contents
    context = {"tools": [tool(name) for name in tools]} if tools else {}
    body = conversation(current, userInputMessageContext=context) | members
    if past:
        body["conversationState"]["history"] = [
            {"userInputMessage": {"content": content}}
            if index % 2 == 0
            else {"assistantResponseMessage": {"content": content}}
            for index, content in enumerate(past)
        ]
    return body


def text_of(steps):
    return "".join("".join(step["text"]) for step in steps if "text" in step)


def test_without_a_directive_there_are_no_steps():
    assert directed_steps(asked("hello")) is None


def test_the_first_turn_is_played_when_the_directive_is_new():
    prompt = directive([{"text": "I read."}, READ], [{"text": "Done."}])
    *said, last = directed_steps(asked(prompt)) or []
    assert text_of(said) == "I read."
    assert last == READ_STEP


def test_the_directive_may_stand_between_other_text():
    prompt = f"<system-reminder>x</system-reminder> Go {directive([READ])} now\n> yes"
    assert directed_steps(asked(prompt)) == [READ_STEP]


def test_as_many_turns_are_past_as_the_assistant_has_spoken_since():
    prompt = directive([READ], [WRITE], [{"text": "Both done."}])
    assert directed_steps(asked(prompt, "", "result")) == [WRITE_STEP]
    last = directed_steps(asked(prompt, "", "result", "", "result"))
    assert text_of(last) == "Both done."


def test_past_the_last_turn_there_is_any_text():
    assert directed_steps(asked(directive([READ]), "", "result")) == [
        {"text": ANY_TEXT}
    ]


def test_the_newest_directive_counts():
    old, new = directive([READ]), directive([WRITE])
    assert directed_steps(asked(old, "", new)) == [WRITE_STEP]
    assert directed_steps(asked(f"{old} then {new}")) == [WRITE_STEP]


def test_a_directive_within_anothers_json_is_that_ones_own():
    inner = directive([{"text": "I am the inner one."}])
    prompt = directive([{"tool": "Task", "input": {"prompt": f"go {inner}"}}])
    (step,) = directed_steps(asked(f"do {prompt} now", tools=("Task",))) or []
    assert step["input"]["prompt"] == f"go {inner}"
    assert text_of(directed_steps(asked(step["input"]["prompt"]))) == (
        "I am the inner one."
    )


def test_text_is_left_when_directives_are_taken_out():
    inner = directive([{"text": "x"}])
    nested = directive([{"text": inner}])
    assert without_directives(f"a {nested} b {inner}c <<SIM: d") == "a  b c <<SIM: d"


def test_a_directive_in_the_assistants_words_or_in_a_result_does_not_count():
    assert directed_steps(asked("hello", directive([READ]), "go on")) is None
    body = asked("go on")
    context = body["conversationState"]["currentMessage"]["userInputMessage"][
        "userInputMessageContext"
    ]
    context["toolResults"] = [{"content": [{"text": directive([READ])}]}]
    assert directed_steps(body) is None


def test_several_tools_in_a_turn_are_parallel():
    assert directed_steps(asked(directive([READ, WRITE]))) == [READ_STEP, WRITE_STEP]


def test_a_tool_that_is_not_offered_is_any_text():
    unknown = directive([{"tool": "Paint", "input": {}}])
    assert directed_steps(asked(unknown)) == [{"text": ANY_TEXT}]
    both = directive([{"tool": "Paint", "input": {}}, READ])
    assert directed_steps(asked(both)) == [READ_STEP]


def test_a_tool_without_input_has_an_empty_one():
    steps = directed_steps(asked(directive([{"tool": "Read"}])))
    assert steps == [{"tool": "Read", "input": {}}]


def test_a_request_without_tools_is_answered_with_text():
    assert directed_steps(asked(directive([READ]), tools=())) == [{"text": ANY_TEXT}]


def test_a_name_too_long_for_the_service_is_found_under_its_shorter_one():
    long = "mcp__a_server_with_a_name__" + "x" * 60
    prompt = directive([{"tool": long, "input": {}}])
    short = long[:54] + "_0123abcd"
    steps = directed_steps(asked(prompt, tools=("Read", short)))
    assert steps == [{"tool": short, "input": {}}]
    assert directed_steps(asked(prompt)) == [{"text": ANY_TEXT}]


def test_filling_is_so_many_characters_long():
    assert directed_steps(asked(directive([{"fill": 5000}]))) == [{"fill": 5000}]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}},
            [{"reasoning": "hm"}],
        ),
        (
            {"additionalModelRequestFields": {"reasoning": {"effort": "low"}}},
            [{"reasoning": "hm"}],
        ),
        ({"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}, []),
        ({}, []),
    ],
)
def test_thinking_is_native_where_the_request_asks_for_it(members, expected):
    prompt = directive([{"thinking": "hm"}, READ])
    assert directed_steps(asked(prompt, **members)) == [*expected, READ_STEP]


def test_thinking_is_tagged_where_the_text_asks_for_it():
    prompt = directive([{"thinking": "hm"}])
    body = asked(f"<thinking_mode>enabled</thinking_mode>{prompt}")
    assert directed_steps(body) == [{"thinking": "hm"}, {"text": ANY_TEXT}]


@pytest.mark.parametrize(
    "request_text",
    [
        "Your task is to create a detailed summary of the conversation so far.",
        "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.",
    ],
)
def test_a_request_to_sum_up_is_answered_with_text(request_text):
    prompt = directive([READ], [WRITE])
    assert directed_steps(asked(prompt, "", request_text)) == [{"text": SUMMARY}]


@pytest.mark.parametrize(
    "broken",
    [
        "<<SIM:{turns}:SIM>>",
        '<<SIM:{"turn":[]}:SIM>>',
        '<<SIM:{"turns":[7]}:SIM>>',
        '<<SIM:{"turns":[["tool"]]}:SIM>>',
        '<<SIM:{"turns":[[{"text":7}]]}:SIM>>',
        '<<SIM:{"turns":[[{"sing":7}]]}:SIM>>',
    ],
)
def test_a_broken_directive_is_told_in_the_answer(caller, broken):
    assert "The directive cannot be" in caller.generate(conversation(broken)).text()


def test_a_directive_is_played_over_the_wire(caller):
    body = asked(directive([{"text": "Reading."}, READ, WRITE]))
    answer = caller.generate(body)
    calls = [p for kind, p in answer.events() if kind == "toolUseEvent"]
    assert answer.text() == "Reading."
    assert [call["name"] for call in calls if call.get("stop")] == ["Read", "Write"]
