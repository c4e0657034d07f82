"""Statements that Django builds once and that run again and again with other values:
to build one takes ten times as long as to run it.

What is another value each time stands in the queryset as a Blank, which may stand
wherever an expression may. All else belongs to the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Expression, Field
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Account, AccountQuerySet


class Blank(Expression):
    """Filled in by its name when the statement runs."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field)
        self.name = name

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def filled(self, values: Mapping[str, Any]) -> Any:
        return values[self.name]


class Moment(Blank):
    """The time "now", or one so long after it."""

    def __init__(self, after: timedelta = timedelta()) -> None:
        super().__init__("now", DateTimeField())
        self.after = after

    # As with a datetime; the sum is made here, not in the database.
    def __add__(self, more: timedelta) -> Moment:  # type: ignore[override]
        return Moment(self.after + more)

    def __sub__(self, less: timedelta) -> Moment:  # type: ignore[override]
        return Moment(self.after - less)

    def filled(self, values: Mapping[str, Any]) -> Any:
        moment = values[self.name] + self.after
        return connection.ops.adapt_datetimefield_value(moment)


# For querysets that are written for a time.
NOW = cast(datetime, Moment())


class Read:
    """The first of these rows; its unread columns come when they are asked for."""

    def __init__(self, rows: AccountQuerySet) -> None:
        compiler = rows[:1].query.get_compiler(DEFAULT_DB_ALIAS)
        self._sql, self._params = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        self._names = [column.target.attname for column in columns]
        self._converters = compiler.get_converters(columns).items()

    def first(self, **values: Any) -> Account | None:
        with connection.cursor() as cursor:
            cursor.execute(self._sql, _filled(self._params, values))
            found = cursor.fetchone()
        if found is None:
            return None
        row = list(found)
        for position, (converters, column) in self._converters:
            for convert in converters:
                row[position] = convert(row[position], column, connection)
        return Account.from_db(DEFAULT_DB_ALIAS, self._names, row)


class Update:
    """An UPDATE of these rows."""

    def __init__(self, rows: AccountQuerySet, **changes: Any) -> None:
        query = cast(UpdateQuery, rows.query.chain(UpdateQuery))
        query.add_update_values(changes)
        self._sql, self._params = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()

    def run(self, **values: Any) -> int:
        """How many rows there were."""
        with connection.cursor() as cursor:
            cursor.execute(self._sql, _filled(self._params, values))
            return int(cursor.rowcount)


def _filled(params: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
    return [p.filled(values) if isinstance(p, Blank) else p for p in params]
