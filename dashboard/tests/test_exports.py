"""Files for spreadsheets and programs."""

import csv
import io
import json

import pytest

from dashboard import exports
from dashboard.tests.test_seen import text_of
from dashboard.tests.used import browser_of, use_of_two, used_by
from kiro2api.database import in_database


async def rows_of(browser, path: str) -> list[dict[str, str]]:
    text = await text_of(await browser.get(path))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


async def test_requests_come_as_csv_with_the_filters_of_the_page(person):
    cleo, _ = await in_database(use_of_two)()
    browser = await browser_of(person)
    rows = await rows_of(browser, "/requests.csv")
    assert len(rows) == 3
    (row,) = await rows_of(browser, f"/requests.csv?key={cleo.key.pk}")
    assert row["request_id"] == "req_cleo"
    assert row["credits"] == "0.0123456789"
    assert row["at"].endswith("Z")
    assert (row["account"], row["owner_name"]) == ("first", "cleo")
    assert await rows_of(browser, "/requests.csv?status=failed") == []


async def test_the_same_as_json(person):
    await in_database(use_of_two)()
    response = await (await browser_of(person)).get("/requests.json")
    told = json.loads(await text_of(response))
    assert response["Content-Disposition"] == 'attachment; filename="requests.json"'
    assert response["Cache-Control"] == "no-store"
    assert {row["request_id"] for row in told["rows"]} == {
        "req_cleo",
        "req_ben",
        "req_shared",
    }
    assert (told["at_most"], told["cut"]) == (100_000, False)


@pytest.mark.parametrize("format", ["csv", "json"])
async def test_of_nothing_there_is_a_file_as_well(person, format):
    text = await text_of(await (await browser_of(person)).get(f"/requests.{format}"))
    if format == "json":
        assert json.loads(text)["rows"] == []
    else:
        assert len(text.splitlines()) == 1


async def test_use_comes_by_step_and_by_what_it_is_split_by(person):
    await in_database(use_of_two)()
    browser = await browser_of(person)
    (row,) = await rows_of(browser, "/usage.csv")
    assert (row["requests"], row["input_tokens"]) == ("3", "300")
    rows = await rows_of(browser, "/usage.csv?split=key")
    assert {row["key"] for row in rows} == {"cleo-key", "ben-key", "shared"}
    told = json.loads(await text_of(await browser.get("/usage.json?split=key")))
    assert len(told["rows"]) == 3


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
async def test_no_cell_is_a_formula(person, name):
    await in_database(used_by)(None, key_id=1, key_name=name)
    (row,) = await rows_of((await browser_of(person)), "/requests.csv")
    assert row["key_name"] == f"'{name}"
    (row,) = await rows_of((await browser_of(person)), "/usage.csv?split=key")
    assert row["key"] == f"'{name}"


async def test_it_ends_where_it_says_and_says_so(person, monkeypatch):
    def some():
        for number in range(25):
            used_by(None, request_id=f"req_{number}")

    await in_database(some)()
    monkeypatch.setattr(exports, "ROWS_MOST", 20)
    monkeypatch.setattr(exports, "PAGE_MOST", 8)
    browser = await browser_of(person)
    assert len(await rows_of(browser, "/requests.csv")) == 20
    told = json.loads(await text_of(await browser.get("/requests.json")))
    assert (len(told["rows"]), told["cut"]) == (20, True)
    monkeypatch.setattr(exports, "ROWS_MOST", 25)
    told = json.loads(await text_of(await browser.get("/requests.json")))
    assert (len(told["rows"]), told["cut"]) == (25, False)
