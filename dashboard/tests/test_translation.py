"""The Chinese catalog: whole, compiled, and up to date with what the pages say."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
CATALOG = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
APPS = ("accounts", "clients", "dashboard", "kiro2api", "proxy")
FIELD = r'^(msgid|msgstr)(?:\[0\])? ("(?:.*"\n")*.*")$'
# What Django makes of {% translate %}, {% blocktranslate %} and _("...").
LITERAL = re.compile(r"""\b(?:n?gettext|_)\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
MARKS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


def written() -> dict[str, str]:
    """The messages of the .po file and their translations."""
    messages = {}
    for entry in CATALOG.read_text().split("\n\n"):
        assert "fuzzy" not in entry
        fields = re.findall(FIELD, entry, re.MULTILINE)
        text = {
            name: "".join(map(ast.literal_eval, lines.split("\n")))
            for name, lines in fields
        }
        messages[text["msgid"]] = text["msgstr"]
    return messages


def compiled() -> dict[str, str]:
    with CATALOG.with_suffix(".mo").open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key if isinstance(key, str) else key[0]: catalog[key] for key in catalog}


def said_in_code(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Name(id=name), args=[ast.Constant(value=str(text)), *_]
            ):
                if name in MARKS:
                    yield text


def said_in_template(path: Path) -> Iterator[str]:
    for literal in LITERAL.findall(templatize(path.read_text(), origin=str(path))):
        yield ast.literal_eval(literal)


def said() -> dict[str, str]:
    """Every message, and where it stands."""
    code = [
        path
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if not {"tests", "migrations"} & set(path.parts)
    ]
    pages = [
        *(ROOT / "templates").rglob("*.html"),
        *(ROOT / "templates").rglob("*.txt"),
    ]
    return {
        message: str(path.relative_to(ROOT))
        for read, paths in ((said_in_code, code), (said_in_template, pages))
        for path in paths
        for message in read(path)
    }


def test_everything_said_is_in_the_catalog():
    catalog = set(written()) - {""}
    missing = {text: place for text, place in said().items() if text not in catalog}
    assert missing == {}


def test_everything_in_the_catalog_is_translated():
    assert [message for message, chinese in written().items() if not chinese] == []


def test_the_compiled_catalog_is_the_written_one():
    assert compiled() == written()


def test_a_translation_keeps_its_placeholders():
    holder = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")
    for message, chinese in written().items():
        assert sorted(holder.findall(chinese)) == sorted(holder.findall(message))
