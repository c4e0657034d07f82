"""The page of recent requests."""

import re

import pytest

from dashboard.tests.used import ago, browser_of, use_of_two, used_by
from kiro2api.database import in_database


async def requests_on(browser, path="/requests") -> list[str]:
    page = (await browser.get(path)).content.decode()
    return re.findall(r"<code>(req_\w+)</code>", page)


def several():
    used_by(None, request_id="req_good", at=ago(hours=2))
    used_by(None, request_id="req_429", status=429, failed=True, error="Throttled")
    used_by(None, request_id="req_502", status=502, failed=True, at=ago(days=3))
    used_by(None, request_id="req_left", status=499, error="client_gone")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", {"req_good", "req_429", "req_502", "req_left"}),
        ("status=good", {"req_good", "req_left"}),
        ("status=failed", {"req_429", "req_502"}),
        ("status=2xx", {"req_good"}),
        ("status=4xx", {"req_429", "req_left"}),
        ("status=5xx", {"req_502"}),
        ("span=hour", {"req_429", "req_left"}),
        ("span=day", {"req_good", "req_429", "req_left"}),
        ("span=own&since=2020-01-01T00:00&until=2020-01-02T00:00", set()),
        ("key=0", {"req_good", "req_429", "req_502", "req_left"}),
        ("key=5", set()),
        ("model=claude-sonnet-5&dialect=openai", set()),
    ],
)
async def test_filters(person, asked, found):
    await in_database(several)()
    assert (
        set(await requests_on((await browser_of(person)), f"/requests?{asked}"))
        == found
    )


async def test_pages_follow_each_other_without_a_gap(person):
    def many():
        for number in range(120):
            used_by(None, request_id=f"req_{number}", at=ago(seconds=number))

    await in_database(many)()
    browser, path = (await browser_of(person)), "/requests?span=any"
    seen: list[str] = []
    while path:
        page = (await browser.get(path)).content.decode()
        seen += re.findall(r"<code>(req_\w+)</code>", page)
        found = re.search(r'href="([^"]*after=[^"]+)">Older', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"req_{number}" for number in range(120)]


async def test_a_place_in_the_list_that_is_none_is_not_found(person):
    assert (
        await (await browser_of(person)).get("/requests?after=x")
    ).status_code == 404


async def test_what_a_record_holds_is_written_as_text(person):
    await in_database(used_by)(
        None, request_id="req_x", account="<b>a</b>", unhonoured="<i>x</i>"
    )
    page = (await (await browser_of(person)).get("/requests")).content.decode()
    assert "&lt;b&gt;a" in page
    assert "<b>a" not in page
    assert "<i>x" not in page


async def test_an_estimate_says_that_it_is_one(person):
    await in_database(used_by)(None, estimated=True)
    page = (await (await browser_of(person)).get("/requests")).content.decode()
    assert '<abbr title="estimated">' in page


async def test_the_page_costs_so_many_queries_however_many_rows_there_are(
    person, queries
):
    await in_database(use_of_two)()
    browser = await browser_of(person)
    counts = []
    for rows in (1, 60):
        await in_database(lambda n=rows: [used_by(None) for _ in range(n)])()
        before = len(queries())
        await browser.get("/requests")
        counts.append(len(queries()) - before)
    assert counts[0] == counts[1] <= 8
