"""Statements that every signal, message and poll costs, run by the database driver's own cursor.

SQLAlchemy's way from a statement to its rows takes several times as long as what SQLite does meanwhile. A `Prepared`
goes that way once for each dialect, and keeps the SQL, the order of the parameters and what its types do to values.
Errors are SQLAlchemy's, and a connection that is lost is given up, as with any other statement.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Select

Process = Callable[[Any], Any]


class Prepared:
    """A statement whose parameters are `bindparam()`s by name: none that expands, no list of rows to insert."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}  # by dialect
        self.changes = not isinstance(statement, Select)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """The rows that it finds or returns, named tuples; none of what returns nothing."""
        compiled = self._compiled_for(connection.dialect)
        return execute(connection, compiled.sql, compiled.parameters(values), compiled.rows)

    def run_each(self, connection: Connection, several: Sequence[Mapping[str, Any]]) -> None:
        """Once for each of `several` values."""
        compiled = self._compiled_for(connection.dialect)
        parameters = [compiled.parameters(values) for values in several]
        if len(parameters) == 1:
            execute(connection, compiled.sql, parameters[0])
        else:
            execute(connection, compiled.sql, parameters, many=True)

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run what changes rows; how many it has changed."""
        compiled = self._compiled_for(connection.dialect)
        [changed] = execute(connection, compiled.sql, compiled.parameters(values), lambda cursor: [cursor.rowcount])
        return int(changed)

    def _compiled_for(self, dialect: Dialect) -> "_Compiled":
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._statement, dialect)
        return compiled


def execute(
    connection: Connection,
    sql: str,
    parameters: Any = (),
    rows_of: Callable[[Any], list[Any]] | None = None,
    *,
    many: bool = False,
) -> list[Any]:
    """Run `sql` past SQLAlchemy, on its connection and with its errors.

    :raises sqlalchemy.exc.DBAPIError: parameters are kept out of it: among them are hashes and addresses.
    """
    raw = connection.connection
    cursor = None
    try:
        cursor = raw.cursor()
        (cursor.executemany if many else cursor.execute)(sql, parameters)
        rows = [] if rows_of is None else rows_of(cursor)
        cursor.close()
    except connection.dialect.loaded_dbapi.Error as error:
        dialect = connection.dialect
        lost = dialect.is_disconnect(error, raw.dbapi_connection, cursor)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=dialect,
        ) from error
    return rows


@dataclass(frozen=True)
class _Compiled:
    sql: str
    names: Sequence[str]
    by_name: bool  # whether the driver takes parameters by name, or in the order of `names`
    constants: Mapping[str, Any]
    into: Mapping[str, Process]  # what a value becomes before the driver gets it
    row: Callable[[Iterable[Any]], Any]
    out_of: Sequence[Callable[[Any], Process | None]]  # by column: what a value becomes, by the driver's type

    def parameters(self, values: Mapping[str, Any]) -> Any:
        into, constants = self.into, self.constants
        taken = [
            (values[name] if name not in into else into[name](values[name])) if name in values else constants[name]
            for name in self.names
        ]
        return dict(zip(self.names, taken, strict=True)) if self.by_name else taken

    def rows(self, cursor: Any) -> list[Any]:
        if cursor.description is None:
            return []
        processes = [
            (index, process)
            for index, (of_type, column) in enumerate(zip(self.out_of, cursor.description, strict=True))
            if (process := of_type(column[1])) is not None
        ]
        fetched = cursor.fetchall()
        if not processes:
            return [self.row(values) for values in fetched]
        rows = []
        for values in fetched:
            changed = list(values)
            for index, process in processes:
                changed[index] = process(changed[index])
            rows.append(self.row(changed))
        return rows


def _compile(statement: Any, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)
    into = {
        name: process
        for parameter, name in compiled.bind_names.items()
        if (process := parameter.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    columns = getattr(statement, "exported_columns", None) or {}
    constants = {
        name: into[name](parameter.effective_value) if name in into else parameter.effective_value
        for parameter, name in compiled.bind_names.items()
        if not parameter.required
    }
    return _Compiled(
        sql=compiled.string,
        names=compiled.positiontup if compiled.positional else list(compiled.bind_names.values()),
        by_name=not compiled.positional,
        constants=constants,
        into=into,
        row=_row_of([column.key for column in columns]),
        out_of=[_result_processor(column.type, dialect) for column in columns],
    )


def _row_of(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    make: Callable[[Iterable[Any]], Any] = namedtuple("Row", names)._make  # type: ignore[attr-defined]
    return make


def _result_processor(kind: Any, dialect: Dialect) -> Callable[[Any], Process | None]:
    """What a type does to a value that it reads; asked once for each type that the driver names."""
    known: dict[Any, Process | None] = {}

    def of(driver_type: Any) -> Process | None:
        if driver_type not in known:
            known[driver_type] = kind.dialect_impl(dialect).result_processor(dialect, driver_type)
        return known[driver_type]

    return of
