"""What is written down equals what the program does."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from kiro2api import environment
from proxy.anthropic import decoder as anthropic
from proxy.catalog import MODELS
from proxy.openai import decoder as openai
from proxy.responses import decoder as responses

ROOT = Path(__file__).resolve().parent.parent
# Secrets may also come from NAME_FILE, which the table explains once.
FILES = re.compile(r"_FILE$")
README = ("README.md", "README.zh-CN.md")


# Taken when this module is loaded, before any test asks for made-up names.
SETTINGS = {name for name in environment.asked if not FILES.search(name)} | {"LOG_FILE"}


def table(path: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading's anchor."""
    text = (ROOT / path).read_text(encoding="utf-8")
    below = text.split(f'<a id="{heading}"></a>', 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert rows, heading
    lines = rows[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_env_example_explains_every_setting():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^# ([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))
    assert explained == SETTINGS


@pytest.mark.parametrize("readme", README)
def test_readme_has_every_setting(readme: str):
    named = {row[0].strip("`") for row in table(readme, "settings")}
    assert named == SETTINGS


@pytest.mark.parametrize("readme", README)
def test_readme_has_every_model(readme: str):
    rows = {row[0].strip("`"): row[1].strip("`") for row in table(readme, "models")}
    assert rows == {model.name: model.upstream_id for model in MODELS}


@pytest.mark.parametrize("readme", README)
def test_readme_has_every_command(readme: str):
    named = {row[0].strip("`").split()[0] for row in table(readme, "commands")}
    assert named == {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}


def test_the_conversion_table_has_every_rule():
    rule = re.compile(r"\bR-[A-Z]+(?:-[A-Z]+)*\b")
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "proxy/codewhisperer").glob("*.py")
    )
    text = (ROOT / "docs/conversion.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| (R-[A-Z-]+) \|", text, re.MULTILINE)
    assert sorted(explained) == sorted(set(rule.findall(code)))


def fields(anchor: str, what: str) -> set[str]:
    rows = table("docs/api.md", anchor)
    return {row[0].strip("`") for row in rows if row[1].startswith(what)}


@pytest.mark.parametrize(
    ("anchor", "decoder"),
    [("anthropic", anthropic), ("chat", openai), ("responses", responses)],
)
def test_the_field_tables_are_those_of_the_decoders(anchor: str, decoder: ModuleType):
    assert fields(anchor, "unhonoured") == set(decoder.UNHONOURED)
    if hasattr(decoder, "UNSUPPORTED"):
        assert fields(anchor, "refused") == set(decoder.UNSUPPORTED)
