"""What the charts' script draws, and the same in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from clients.reports import Sums
from dashboard.usage import FIGURES, TOKENS, Figure, Unit, Usage


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    title: str
    total: str
    summary: str
    """For those who do not see it."""
    drawn: str
    """JSON: the lines and how they are to be drawn."""
    legend: list[tuple[str, int]]
    """Of lines that no other chart has."""


def times(used: Usage) -> str:
    """JSON: the beginning of each step in seconds."""
    return _json([int(at.timestamp()) for at in used.span.steps()])


def charts(used: Usage) -> list[Chart]:
    return [_chart(figure, used) for figure in FIGURES]


def written(amount: float | Decimal | None, unit: Unit) -> str:
    """As a page shows it."""
    if amount is None:
        return "–"
    match unit:
        case "count":
            return f"{amount:,}"
        case "credits":
            return f"{amount:,.2f}"
        case "ms":
            return _("%(seconds)s s") % {"seconds": f"{float(amount) / 1000:,.2f}"}


def _chart(figure: Figure, used: Usage) -> Chart:
    total = figure.of(used.total) if used.total else None
    if total is None and figure.adds_up:
        total = 0
    drawn = {
        "unit": figure.unit,
        "stacked": figure.adds_up,
        "lines": _lines(figure, used),
    }
    return Chart(
        figure.name,
        str(figure.title),
        written(total, figure.unit),
        _summary(figure, used),
        _json(drawn),
        _legend() if figure.name == "tokens" and not used.split else [],
    )


def _legend() -> list[tuple[str, int]]:
    return [(str(name), colour) for colour, (name, _of) in enumerate(TOKENS, 1)]


def _lines(figure: Figure, used: Usage) -> list[dict[str, object]]:
    steps = used.span.steps()
    if used.split:
        return [
            {
                "name": line.name,
                "colour": line.colour,
                "values": [_value(figure, line.steps.get(at)) for at in steps],
            }
            for line in used.lines
        ]
    if figure.name == "tokens":
        return [
            {
                "name": str(name),
                "colour": colour,
                "values": [
                    of(used.steps[at]) if at in used.steps else 0 for at in steps
                ],
            }
            for colour, (name, of) in enumerate(TOKENS, 1)
        ]
    values = [_value(figure, used.steps.get(at)) for at in steps]
    colour = "bad" if figure.name == "errors" else 1
    return [{"name": str(figure.title), "colour": colour, "values": values}]


def _value(figure: Figure, sums: Sums | None) -> float | None:
    amount = figure.of(sums) if sums else None
    if amount is None:
        return 0 if figure.adds_up else None
    return round(float(amount), 4)


def _summary(figure: Figure, used: Usage) -> str:
    amounts = [
        (amount, at)
        for at, sums in used.steps.items()
        if (amount := figure.of(sums)) is not None
    ]
    if not amounts:
        return _("Nothing in this time.")
    most, at = max(amounts)
    told = {"most": written(most, figure.unit), "when": _when(at, used)}
    if figure.adds_up:
        assert used.total is not None, "where there are steps there is a total"
        told["total"] = written(figure.of(used.total), figure.unit)
        return _("%(total)s in all, at most %(most)s at %(when)s.") % told
    return _("At most %(most)s, at %(when)s.") % told


def _when(at: datetime, used: Usage) -> str:
    shape = "Y-m-d" if used.span.step == "day" else "Y-m-d H:i"
    return formats.date_format(timezone.localtime(at), shape)


def _json(drawn: object) -> str:
    return json.dumps(drawn, ensure_ascii=False, separators=(",", ":"))
