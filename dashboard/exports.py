"""Use and requests as files, with the filters of the pages: CSV and JSON.

Sent as it is read, a thousand rows at a time. No more than ROWS_MOST: JSON says
whether that was all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.views.decorators.http import require_safe

from clients.models import UsageRecord
from clients.reports import PAGE_MOST, Sums, recent
from dashboard.filters import Filters, RequestFilters, UsageFilters
from dashboard.pages import for_people
from dashboard.sight import Sight
from dashboard.usage import usage
from kiro2api.database import in_database

ROWS_MOST = 100_000

Format = Literal["csv", "json"]
Row: TypeAlias = dict[str, Any]
Batches: TypeAlias = AsyncIterator[list[Row]]

BOM = "\ufeff"
"""Without it Excel takes Chinese for something else."""
BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
WRITERS: dict[Format, str] = {"csv": "text/csv", "json": "application/json"}

OF_A_REQUEST = (
    "at",
    "request_id",
    "key_id",
    "key_name",
    "owner_id",
    "owner_name",
    "account_id",
    "account",
    "session",
    "model",
    "dialect",
    "stream",
    "status",
    "failed",
    "error",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "credits",
    "estimated",
    "ttfb_ms",
    "duration_ms",
    "unhonoured",
)
SUMMED = (
    "requests",
    "errors",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "credits",
    "ttfb_ms",
    "duration_ms",
)
OF_ACCOUNTS = ("account_id", "account")
"""For people who see those of everybody."""


@require_safe
@for_people
def requests(request: HttpRequest, sight: Sight, format: Format) -> HttpResponseBase:
    filters = RequestFilters(request.GET, sight)
    if not filters.is_valid():
        return _refused(filters)
    hidden = () if sight.everybody else OF_ACCOUNTS
    columns = [name for name in OF_A_REQUEST if name not in hidden]
    return _file("requests", format, columns, _requests(filters.wanted, columns))


@require_safe
@for_people
def used(request: HttpRequest, sight: Sight, format: Format) -> HttpResponseBase:
    filters = UsageFilters(request.GET, sight)
    if not filters.is_valid():
        return _refused(filters)
    split = filters.cleaned_data["split"] or None
    found = usage(filters.span_chosen, split, filters.choice)
    columns = ["from", *([split] if split else []), *SUMMED]
    rows: list[Row] = []
    if split:
        for line in found.rows:
            named = {split: line.name}
            rows += [_sums(at, sums) | named for at, sums in line.steps.items()]
    else:
        rows = [_sums(at, sums) for at, sums in found.steps.items()]
    rows.sort(key=lambda row: row["from"])
    return _file("usage", format, columns, _at_once(rows))


def _refused(filters: Filters) -> HttpResponse:
    return HttpResponse(filters.errors.as_json(), "application/json", status=400)


def _sums(at: datetime, sums: Sums) -> Row:
    return {"from": _moment(at), **{name: _plain(sums, name) for name in SUMMED}}


async def _at_once(rows: list[Row]) -> Batches:
    yield rows


async def _requests(wanted: dict[str, Any], columns: list[str]) -> Batches:
    after = ""
    while True:
        page = await in_database(recent)(**wanted, after=after, size=PAGE_MOST)
        yield [
            {name: _plain(record, name) for name in columns} for record in page.records
        ]
        after = page.next
        if not after:
            return


def _plain(row: UsageRecord | Sums, name: str) -> Any:
    match getattr(row, name):
        case datetime() as moment:
            return _moment(moment)
        case Decimal() as amount:
            return float(amount)
        case float() as mean:
            return round(mean, 1)
        case value:
            return value


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _file(
    name: str, format: Format, columns: list[str], batches: Batches
) -> StreamingHttpResponse:
    write = _csv if format == "csv" else _json
    return StreamingHttpResponse(
        write(columns, _bounded(batches)),
        content_type=f"{WRITERS[format]}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.{format}"'},
    )


async def _bounded(batches: Batches) -> AsyncIterator[tuple[list[Row], bool]]:
    """With each, whether there was more than may be had."""
    left = ROWS_MOST
    async for rows in batches:
        yield rows[:left], len(rows) > left
        left -= len(rows)
        if left < 0:
            return


async def _csv(
    columns: list[str], batches: AsyncIterator[tuple[list[Row], bool]]
) -> AsyncIterator[bytes]:
    yield (BOM + _lines([columns])).encode()
    async for rows, _ in batches:
        if rows:
            yield _lines(
                [_cell(row[name]) for name in columns] for row in rows
            ).encode()


async def _json(
    columns: list[str], batches: AsyncIterator[tuple[list[Row], bool]]
) -> AsyncIterator[bytes]:
    yield b'{"rows": ['
    cut, before = False, "\n"
    async for rows, more in batches:
        cut = cut or more
        if rows:
            text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            yield (before + text).encode()
            before = ",\n"
    yield f'\n], "at_most": {ROWS_MOST}, "cut": {json.dumps(cut)}}}\n'.encode()


def _lines(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """What a spreadsheet would take for a formula becomes text."""
    if isinstance(value, str) and value.startswith(BEGINS_FORMULA):
        return f"'{value}"
    return value
