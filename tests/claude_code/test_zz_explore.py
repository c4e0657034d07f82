from __future__ import annotations
import json
import pytest
from simulator.control import Control
from proxy.tests.media_samples import pdf
from tests.claude_code.actions import *
from tests.claude_code.client import ClaudeCode
from tests.pictures import PNG
pytestmark = pytest.mark.real_client

def dump(name, claude, run, upstream):
    import pathlib
    out = pathlib.Path("/tmp/nat/exp")
    calls = upstream.requests()
    (out / f"{name}-{claude.build}.json").write_text(json.dumps({"status": run.status, "errors": run.errors, "events": run.events, "calls": calls}, indent=1))

def test_pdf(claude, upstream):
    f = claude.workspace / "report.pdf"
    f.write_bytes(pdf("the heron is grey", "second page"))
    run = claude.run(directive([read(f)], [say("Grey.")]))
    dump("pdf", claude, run, upstream)
    run.assert_good()

def test_search(claude, upstream):
    inner = directive([say("I look."), call("web_search", query="snow")], [say("Three pages.")])
    run = claude.run("Search. " + directive([call("WebSearch", query="snow " + inner)], [say("Found.")]))
    dump("search", claude, run, upstream)
    run.assert_good()

@pytest.mark.parametrize("model", ["claude-sonnet-4-20250514", "claude-opus-4-6", "claude-sonnet-5-5"])
def test_think(claude, upstream, model):
    f = claude.workspace / "a.txt"
    run = claude.run(directive([{"thinking": "Hm, a file."}, write(f, "x")], [{"thinking": "Was it?"}, say("Yes.")]), model=model)
    dump("think-" + model, claude, run, upstream)
    run.assert_good()

def test_agent(claude, upstream):
    f = claude.workspace / "agent.txt"
    inner = directive([write(f, "x")], [say("Agent done.")])
    run = claude.run("Go. " + directive([{"tool": ["Agent", "Task"], "input": {"description": "write a file", "prompt": "Do. " + inner, "subagent_type": "general-purpose"}}], [say("All done.")]))
    dump("agent", claude, run, upstream)
    run.assert_good()
    assert f.read_text() == "x"

@pytest.mark.parametrize("script", ["MAX", "nostop", "close", "reset", "exception"])
def test_cut(claude, upstream, script):
    f = claude.workspace / "cut.txt"
    frag = json.dumps({"file_path": str(f), "content": "x" * 200})[:-40]
    tool = {"tool": "Write", "fragments": [frag], "stop": False}
    replies = {
        "MAX": {"steps": [{"text": "I write."}, tool], "tail": {"stop_reason": "MAX_TOKENS"}},
        "nostop": {"steps": [{"text": "I write."}, tool], "tail": False},
        "close": {"steps": [{"text": "I write."}, tool], "end": "close"},
        "reset": {"steps": [{"text": "I write."}, tool, {"wait": 0.05}], "end": "reset"},
        "exception": {"steps": [{"text": "I write."}, tool, {"exception": "error", "message": "Internal server error"}]},
    }
    upstream.enqueue(replies[script])
    run = claude.run(directive([say("unused")], [write(f, "whole\n")], [say("Written.")]))
    dump("cut-" + script, claude, run, upstream)
    run.assert_good()
    assert f.read_text() == "whole\n"
