"""Log lines: their form, their way to the file, and who may wait for whom."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from contextvars import copy_context
from pathlib import Path

import pytest

from kiro2api import logfile, requestid
from kiro2api.logfile import RotatedFile
from kiro2api.logging import Lines, Sinks, json_line, queued, text_line
from kiro2api.logqueue import Queued
from kiro2api.redaction import GONE, Redaction


def record(text: str = "said %s", *arguments: object, **extra: object):
    made = logging.LogRecord("some", logging.INFO, "", 0, text, arguments, None)
    vars(made).update(extra)
    return made


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Stuck(Kept):
    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.begun.set()
        self.go_on.wait(60)
        super().emit(record)


@pytest.fixture(autouse=True)
def outside_of_requests() -> None:
    """Whatever a test before has left behind in this thread's context."""
    requestid.request_id.set("")
    requestid.account.set("")


def test_both_forms_say_the_same():
    said = record("hello %s", "you", request_id="r1", told="two words")
    fields = json.loads(json_line(said))
    assert {name: fields[name] for name in fields if name != "timestamp"} == {
        "level": "INFO",
        "service": "kiro2api",
        "logger": "some",
        "message": "hello you",
        "request_id": "r1",
        "told": "two words",
    }
    line = text_line(said)
    assert line.startswith(fields["timestamp"])
    assert line.endswith('INFO    some: hello you request_id=r1 told="two words"')


def test_half_a_surrogate_pair_is_written_as_something_else():
    assert "\\ud800" not in Lines(text_line, Redaction()).format(record("a \ud800"))


def test_a_line_is_as_it_was_when_it_was_logged():
    target = Kept()
    handler = Queued([target])
    told = ["as it was"]

    def in_request() -> None:
        requestid.request_id.set("r1")
        requestid.account.set("first")
        handler.handle(record("%s", told))
        handler.handle(record("other", account="second"))
        try:
            raise ValueError("broken")
        except ValueError:
            fault = record("it broke")
            fault.exc_info = sys.exc_info()
            handler.handle(fault)

    copy_context().run(in_request)
    told[0] = "changed"
    handler.handle(record("later"))
    handler.stop()
    first, second, third, last = target.records
    assert first.getMessage() == "['as it was']"
    assert (vars(first)["request_id"], vars(first)["account"]) == ("r1", "first")
    assert vars(second)["account"] == "second"
    assert "ValueError: broken" in json.loads(json_line(third))["exc_info"]
    assert "request_id" not in vars(last)


def test_whoever_logs_never_waits_and_what_is_lost_is_counted():
    target = Stuck()
    handler = Queued([target], most=2)
    handler.handle(record("the first"))
    assert target.begun.wait(60)
    for _ in range(5):
        handler.handle(record("one more"))
    assert handler.dropped == 3
    target.go_on.set()
    handler.stop()
    said = [each.getMessage() for each in target.records]
    assert said[1].startswith("3 log lines were lost")
    assert (said[0], said[2:]) == ("the first", ["one more", "one more"])


def test_a_file_is_appended_to_and_rotated(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("from before\n")
    file = RotatedFile(path, size_most=20, keep=2)
    for number in range(1, 6):
        file.handle(record(f"line number {number}"))
    file.close()
    assert (tmp_path / "log.2").read_text() == "line number 2\nline number 3\n"
    assert (tmp_path / "log.1").read_text() == "line number 4\nline number 5\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log.1", "log.2"]


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path):
    path = tmp_path / "log"
    file = RotatedFile(path, size_most=1000, keep=1)
    file.handle(record("one"))
    path.rename(tmp_path / "moved")
    file.handle(record("two"))
    file.close()
    assert (tmp_path / "moved").read_text() == "one\n"
    assert path.read_text() == "two\n"


WRITER = """
import logging, pathlib, sys
from kiro2api.logfile import RotatedFile
file = RotatedFile(pathlib.Path(sys.argv[1]), 20_000, 100)
for number in range(2000):
    text = f"{sys.argv[2]} {number} " + "x" * (number % 200)
    file.handle(logging.LogRecord("w", 20, "", 0, text, None, None))
"""


def test_processes_that_share_a_file_lose_and_mix_no_line(tmp_path: Path):
    path = tmp_path / "log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name])
        for name in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    files = list(tmp_path.iterdir())
    assert len(files) > 10
    assert max(file.stat().st_size for file in files) < 21_000
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(
        f"{name} {number} " + "x" * (number % 200)
        for name in ("a", "b")
        for number in range(2000)
    )


def test_a_full_disk_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = RotatedFile(Path("/dev/full"), size_most=1000, keep=1)
    file.handle(record("one"))
    file.handle(record("two"))
    file.close()
    assert capsys.readouterr().err.count("LOG_FILE: cannot write") == 1


def test_why_a_file_cannot_be_written_is_known(tmp_path: Path):
    assert logfile.fault(tmp_path) == "Is a directory"
    assert logfile.fault(tmp_path / "none" / "log") == "No such file or directory"
    assert logfile.fault(tmp_path / "log") == ""


def test_secrets_of_the_settings_are_redacted_on_the_way(tmp_path: Path):
    path = tmp_path / "log"
    handler = queued("text", Sinks(False, path, 1000, 1), ("a secret value",))
    handler.handle(record("it is %s", "a secret value"))
    handler.stop()
    assert path.read_text().endswith(f"it is {GONE}\n")
