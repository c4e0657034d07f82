"""Answers that come to a good end."""

from typing import Any

WEATHER = {"tool": "get_weather", "input": {"city": "Oslo", "unit": "celsius"}}
TIME = {"tool": "get_time", "input": {"zone": "Europe/Oslo"}}
HELLO = {"text": ["Hello", ", ", "world", "!"]}
UNICODE = "Grüße, 世界! 🌍🏳️‍🌈 naïve café – ½ €"
LONG_INPUT = {
    "path": "notes/long.txt",
    "content": "\n".join(
        f'line {number}: "quoted" \\ back\\slash, tab\t, {UNICODE}'
        for number in range(400)
    ),
}
REASONING = ["Let me ", "think about ", "this."]
REDACTED = "cmVkYWN0ZWQtcmVhc29uaW5n"

ANSWERS: dict[str, dict[str, Any]] = {
    "text": {"steps": [HELLO]},
    "text_in_one_piece": {"steps": [{"text": "Hello, world!"}]},
    "text_repeating_itself": {"steps": [{"text": ["1", "1", "\n", "\n", "ha", "ha"]}]},
    "text_long": {"steps": [{"fill": 20_000}]},
    "text_unicode": {"steps": [{"text": [UNICODE, UNICODE]}]},
    "unicode_byte_by_byte": {"steps": [{"text": UNICODE}], "chunks": {"bytes": 1}},
    "frames_split_anywhere": {"steps": [HELLO, WEATHER], "chunks": {"bytes": 7}},
    "frames_in_one_chunk": {"steps": [HELLO, WEATHER], "chunks": "all"},
    "frames_in_threes": {"steps": [HELLO, WEATHER], "chunks": {"frames": 3}},
    "thinking_native": {"steps": [{"reasoning": REASONING}, HELLO]},
    "thinking_native_unsigned": {
        "steps": [{"reasoning": REASONING, "signature": False}, HELLO]
    },
    "thinking_redacted": {"steps": [{"redacted": REDACTED}, HELLO]},
    "thinking_native_and_tool": {"steps": [{"reasoning": REASONING}, WEATHER]},
    "thinking_only": {"steps": [{"reasoning": REASONING}]},
    "thinking_tagged": {"steps": [{"thinking": REASONING}, HELLO]},
    "thinking_tagged_split": {
        "steps": [
            {"text": ["<thi", "nking>Let me", " think.</th", "inking>", "\n", "\nHi"]}
        ]
    },
    "thinking_tagged_only": {"steps": [{"thinking": REASONING}]},
    "thinking_tag_quoted": {
        "steps": [{"text": ["Write `<thinking>` and ", "`</thinking>` like this."]}]
    },
    "tool": {"steps": [WEATHER]},
    "tool_without_input": {"steps": [{"tool": "get_time"}]},
    "tool_with_empty_input": {"steps": [{"tool": "get_time", "input": {}}]},
    "tool_after_text": {"steps": [HELLO, WEATHER]},
    "text_after_tool": {"steps": [WEATHER, {"text": ["Asked", " already."]}]},
    "tools_in_parallel": {"steps": [HELLO, WEATHER, TIME]},
    "tool_twice": {"steps": [WEATHER, WEATHER]},
    "tool_with_long_input": {
        "steps": [{"tool": "write_file", "input": LONG_INPUT, "piece": 60}]
    },
    "tool_input_in_single_characters": {
        "steps": [{"tool": "write_file", "input": {"text": UNICODE}, "piece": 1}]
    },
    "tool_input_split_in_escapes": {
        "steps": [
            {
                "tool": "write_file",
                "fragments": ['{"text": "a\\', "nb \\u00", "e9 \\ud83c\\", 'udf0d"}'],
            }
        ]
    },
    "tool_input_as_object": {
        "steps": [{"tool": "get_weather", "input": {"city": "Oslo"}, "as_object": True}]
    },
    "tool_stop_with_input": {
        "steps": [
            {
                "tool": "get_weather",
                "id": "tooluse_0123456789abcdefghijkl",
                "fragments": ['{"city": '],
                "stop": False,
            },
            {
                "event": "toolUseEvent",
                "payload": {
                    "input": '"Oslo"}',
                    "name": "get_weather",
                    "stop": True,
                    "toolUseId": "tooluse_0123456789abcdefghijkl",
                },
            },
        ],
    },
    "tool_stop_repeated": {
        "steps": [
            WEATHER | {"id": "tooluse_0123456789abcdefghijkl"},
            {
                "event": "toolUseEvent",
                "payload": {
                    "name": "get_weather",
                    "stop": True,
                    "toolUseId": "tooluse_0123456789abcdefghijkl",
                },
            },
        ]
    },
    "tool_ending_its_turn": {
        "steps": [WEATHER],
        "tail": {"stop_reason": "END_TURN"},
    },
    "tool_then_redacted_thinking": {"steps": [WEATHER, {"redacted": REDACTED}]},
    "tool_written_as_text": {
        "steps": [{"text": '[Called get_weather with args: {"city": "Oslo"}]'}]
    },
    "empty": {"steps": []},
    "blank_text": {"steps": [{"text": ""}]},
    "nothing": {"steps": [], "tail": False},
    "max_tokens": {"steps": [HELLO], "tail": {"stop_reason": "MAX_TOKENS"}},
    "content_filtered": {
        "steps": [HELLO],
        "tail": {"stop_reason": "CONTENT_FILTERED"},
    },
    "window_exceeded": {
        "steps": [HELLO],
        "tail": {"stop_reason": "MODEL_CONTEXT_WINDOW_EXCEEDED"},
    },
    "context_full": {"steps": [HELLO], "tail": {"context_percentage": 100}},
    "cache_usage": {
        "steps": [HELLO],
        "tail": {
            "usage": {"input": 120, "output": 4, "cache_read": 900, "cache_write": 30}
        },
    },
    "without_token_usage": {"steps": [HELLO], "tail": {"usage": False}},
    "without_any_usage": {
        "steps": [HELLO],
        "tail": {"usage": False, "context_percentage": False, "credits": False},
    },
    "several_meterings": {
        "steps": [HELLO],
        "tail": {"credits": [0.0169543708291874, 0.002, 0.5]},
    },
    "unknown_events": {
        "steps": [
            {"event": "somethingNewEvent", "payload": {"content": "not for you"}},
            HELLO,
            {"event": "anotherEvent", "payload": {}},
        ]
    },
    "events_to_drop": {
        "steps": [
            HELLO,
            {
                "event": "followupPromptEvent",
                "payload": {"followupPrompt": {"content": "And then?"}},
            },
            {"event": "intentsEvent", "payload": {"intents": {}}},
            {"event": "interactionComponentsEvent", "payload": {}},
            {
                "event": "documentCitationEvent",
                "payload": {"source": "a.pdf", "title": "A"},
            },
            {
                "event": "citationEvent",
                "payload": {
                    "citationLink": "https://example.com/",
                    "target": {"location": 3},
                },
            },
            {
                "event": "supplementaryWebLinksEvent",
                "payload": {
                    "supplementaryWebLinks": [
                        {"title": "Example", "url": "https://example.com/"}
                    ]
                },
            },
        ]
    },
    "code_reference": {
        "steps": [
            HELLO,
            {
                "event": "codeReferenceEvent",
                "payload": {
                    "references": [
                        {
                            "licenseName": "MIT",
                            "recommendationContentSpan": {"end": 13, "start": 0},
                            "repository": "example/hello",
                            "url": "https://example.com/hello",
                        }
                    ]
                },
            },
        ]
    },
    "code_event": {
        "steps": [{"event": "codeEvent", "payload": {"content": "print('hello')\n"}}]
    },
    "slow_headers": {"steps": [HELLO], "delay": 0.3},
    "slow_first_byte": {"steps": [{"wait": 0.3}, HELLO]},
    "silent_gap": {"steps": [{"text": "Hello"}, {"wait": 0.3}, {"text": ", world!"}]},
    "paced": {"steps": [HELLO], "pace": 0.02},
}
