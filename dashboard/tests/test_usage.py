"""What was used, as charts and tables have it."""

import html
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from clients import rollup
from dashboard.charts import charts
from dashboard.span import last
from dashboard.tests.used import ago, browser_of, use_of_two, used_by
from dashboard.usage import LINES_MOST, usage

pytestmark = pytest.mark.django_db(transaction=True)


def the_last(name):
    return last(name, datetime.now(UTC), UTC)


def figures(used) -> dict[str, dict]:
    return {chart.name: json.loads(chart.drawn) for chart in charts(used)}


@pytest.mark.parametrize("rolled_up", [True, False])
@pytest.mark.parametrize("name", ["hour", "day", "week", "month"])
def test_every_step_is_drawn_those_without_requests_too(name, rolled_up):
    used_by(None, ttfb_ms=300), used_by(None, ttfb_ms=None, failed=True)
    if rolled_up:
        rollup.roll_up()
    used = usage(the_last(name))
    drawn = figures(used)
    steps = len(used.span.steps())
    (requests,) = drawn["requests"]["lines"]
    assert len(requests["values"]) == steps
    assert sum(requests["values"]) == 2
    (first,) = drawn["ttfb"]["lines"]
    assert [value for value in first["values"] if value is not None] == [300.0]
    assert [sum(line["values"]) for line in drawn["tokens"]["lines"]] == [200, 20, 0]
    assert sum(drawn["errors"]["lines"][0]["values"]) == 1


def test_beyond_seven_colours_there_are_the_others():
    for number in range(LINES_MOST + 3):
        for _ in range(20 - number):
            used_by(None, model=f"model-{number}")
    used = usage(the_last("day"), "model")
    assert [line.name for line in used.lines] == [
        *(f"model-{number}" for number in range(LINES_MOST)),
        "others",
    ]
    assert len(used.rows) == LINES_MOST + 3
    assert used.total
    assert sum(line.sums.requests for line in used.lines) == used.total.requests
    for drawn in figures(used).values():
        assert [line["colour"] for line in drawn["lines"]] == [1, 2, 3, 4, 5, 6, 7, 0]


def test_means_are_of_all_requests_not_of_means():
    used_by(None, model="a", duration_ms=1000, ttfb_ms=100)
    used_by(None, model="a", duration_ms=1000, ttfb_ms=100)
    used_by(None, model="b", duration_ms=4000, ttfb_ms=None)
    used = usage(the_last("day"), "model")
    assert used.total
    assert used.total.duration_ms == 2000
    assert used.total.ttfb_ms == 100


@pytest.mark.parametrize(
    ("split", "queries"),
    [(None, 1), ("key", 1), ("owner", 1), ("model", 1), ("session", 2)],
)
def test_all_charts_and_tables_cost_one_statement(
    split, queries, django_assert_num_queries
):
    use_of_two()
    with django_assert_num_queries(queries):
        charts(usage(the_last("week"), split))


def test_each_chart_is_told_in_words():
    used_by(None, at=ago(hours=3)), used_by(None, at=ago(hours=3))
    told = {chart.name: chart.summary for chart in charts(usage(the_last("day")))}
    when = ago(hours=3).strftime("%Y-%m-%d %H:00")
    assert told["requests"] == f"2 in all, at most 2 at {when}."
    assert told["duration"] == f"At most 1.00 s, at {when}."
    empty = charts(usage(the_last("hour")))
    assert {chart.summary for chart in empty} == {"Nothing in this time."}


async def test_the_page_holds_what_is_drawn_and_the_same_as_tables(person):
    from kiro2api.database import in_database

    await in_database(use_of_two)()
    page = (await (await browser_of(person)).get("/usage?split=key")).content.decode()
    drawn = [
        json.loads(html.unescape(told))
        for told in re.findall(r'data-chart="([^"]+)"', page)
    ]
    assert len(drawn) == 6
    names = {line["name"] for line in drawn[0]["lines"]}
    assert names == {"cleo-key", "ben-key", "shared"}
    rows = re.findall(r'<th scope="row">(?:<span[^>]*></span>)?([^<]+)</th>', page)
    assert names <= set(rows)
    assert page.count("<caption") == 2
    assert not re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page)


@pytest.mark.parametrize(
    "asked",
    [
        "span=x",
        "span=own",
        "span=own&since=2026-01-02T00:00&until=2026-01-01T00:00",
        "span=own&since=1999-01-01T00:00&until=2026-01-01T00:00",
        "span=own&since=x&until=y",
        "split=x",
        "split=session&span=month",
        "key=x",
        "key=-1",
        "key=99999999999999999999",
        "model=" + "x" * 200,
    ],
)
async def test_filters_that_make_no_sense_are_said_to_make_none(person, asked):
    browser = await browser_of(person)
    page = await browser.get(f"/usage?{asked}")
    assert page.status_code == 200
    assert 'class="error"' in page.content.decode()
    assert (await browser.get(f"/usage.csv?{asked}")).status_code == 400


async def test_times_are_those_of_the_readers_zone(person):
    from kiro2api.database import in_database

    moment = ago(hours=2)
    await in_database(used_by)(None, at=moment)
    browser = await browser_of(person)
    for zone, hours in (("Asia/Shanghai", 8), ("No/Where", 0), ("../../x", 0)):
        browser.cookies["zone"] = zone
        page = (await browser.get("/usage")).content.decode()
        there = moment + timedelta(hours=hours)
        assert f"{there:%Y-%m-%d %H}:00" in page
