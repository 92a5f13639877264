"""Statements of the hot path: compiled once from Core, run through the driver's own cursor.

Core stays the only source of names and types; what is saved is its machinery per call, which costs more than the
statement itself when a group commit of small messages runs ten of them. A whole run of jobs is one statement: its keys
or rows are *given* as one JSON parameter that both kinds of database read as a table. Only SQLite's writes go row by
row through ``executemany``, where a row costs less than its JSON.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    FromClause,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from models.encoding import dump_json, load_json

Row = dict[str, Any]
Columns = Mapping[str, TypeEngine[Any]]
Source = Mapping[str, ColumnElement[Any]]
"""Where a statement finds the given values: columns of a table, or one parameter each."""

_GIVEN = "given"
_FROM_SQLITE: Mapping[type[Any], Callable[[Any], Any]] = {JSON: load_json, Boolean: bool}
"""Types that it has not, and how what it returns instead is read. Other drivers know them."""
_AS_JSON = (String, Integer, Boolean, JSON)
"""Types that SQLite writes as JSON without loss: floats lose digits."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement in one driver's words. ``names``: its parameters, in order where the driver takes them so."""

    sql: str
    names: Sequence[str]
    constants: Row
    positional: bool

    def parameters(self, given: str) -> Any:
        """Its constants, with the given rows in their place."""
        if self.positional:
            return [given if name == _GIVEN else self.constants[name] for name in self.names]
        return {**self.constants, _GIVEN: given}


@dataclass(slots=True)
class Query:
    """A SELECT, or a DELETE that returns what it deleted, for all given keys at once.

    ``build`` makes it from the table of what is given, whose ``columns`` it names with their types. ``locks``: a table
    whose rows it locks in the order of their ids; on SQLite a writer has the whole file.
    """

    build: Callable[[FromClause], Any]
    columns: Columns
    locks: Table | None = None
    _made: dict[str, "_Reader"] = field(default_factory=dict)

    def rows(self, conn: Connection, given: Sequence[Any] = ()) -> list[Row]:
        """Run it for these keys, a tuple each if there are several columns; return rows that are the caller's own."""
        made = self._made.get(conn.dialect.name) or self._make(conn.dialect)
        return made.read(run(conn, made.text.sql, made.text.parameters(dump_json(given))))

    def _make(self, dialect: Dialect) -> "_Reader":
        statement = self.build(_keys(dialect, self.columns))
        if self.locks is not None and dialect.name != "sqlite":
            statement = statement.order_by(self.locks.c.id).with_for_update(of=self.locks)
        made = self._made[dialect.name] = _reader(dialect, statement)
        return made


@dataclass(frozen=True, slots=True)
class _Reader:
    text: _Text
    names: Sequence[str]
    converts: Sequence[tuple[str, Callable[[Any], Any]]]
    whole: bool
    """All rows come as one text: a step of SQLite for each costs more than to parse it, and gives the GIL away."""

    def read(self, found: Sequence[Sequence[Any]]) -> list[Row]:
        values: Iterable[Sequence[Any]] = load_json(found[0][0]) if self.whole else found
        rows = [dict(zip(self.names, row)) for row in values]  # noqa: B905 - as long as the statement says
        for row in rows if self.converts else ():
            for name, convert in self.converts:
                if row[name] is not None:
                    row[name] = convert(row[name])
        return rows


def _reader(dialect: Dialect, statement: Any) -> _Reader:
    columns, text = list(statement.exported_columns), _text(dialect, statement)
    names = [c.key for c in columns]
    if dialect.name != "sqlite":
        return _Reader(text, names, (), whole=False)
    converts = [(c.key, _FROM_SQLITE[type(c.type)]) for c in columns if type(c.type) in _FROM_SQLITE]
    whole = isinstance(statement, Select) and all(isinstance(c.type, _AS_JSON) for c in columns)
    if not whole or "ORDER BY" in text.sql:  # an aggregate promises no order
        return _Reader(text, names, converts, whole=False)
    fields = ", ".join(map(dialect.identifier_preparer.quote, names))
    sql = f"SELECT json_group_array(json_array({fields})) FROM ({text.sql})"  # noqa: S608 - names of columns
    return _Reader(replace(text, sql=sql), names, converts, whole=True)


@dataclass(slots=True)
class Write:
    """Rows written to one table at once; they may hold more than it has columns. Made by the functions below."""

    build: Callable[[Source, FromClause | None], Executable]
    columns: Columns
    _made: dict[str, "_Writer"] = field(default_factory=dict)

    def run(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write them; nothing is done if there are none."""
        if not rows:
            return
        made = self._made.get(conn.dialect.name) or self._make(conn.dialect)
        if made.text.positional:
            run(conn, made.text.sql, [made.values(row) for row in rows], many=True)
        else:
            given = [dict(zip(made.text.names, made.values(row))) for row in rows]  # noqa: B905 - made of these names
            run(conn, made.text.sql, made.text.parameters(dump_json(given)))

    def _make(self, dialect: Dialect) -> "_Writer":
        if _row_by_row(dialect):
            text = _text(dialect, self.build({n: bindparam(n, type_=t) for n, t in self.columns.items()}, None))
            json = [at for at, name in enumerate(text.names) if isinstance(self.columns[name], JSON)]
            made = _Writer(text, itemgetter(*text.names), json)
        else:
            given = _rows(self.columns)
            text = _text(dialect, self.build(dict(given.c), given))
            made = _Writer(_Text(text.sql, list(self.columns), {}, False), itemgetter(*self.columns), ())
        self._made[dialect.name] = made
        return made


@dataclass(frozen=True, slots=True)
class _Writer:
    text: _Text
    pick: Callable[[Mapping[str, Any]], Sequence[Any]]
    json: Sequence[int]
    """Places of values that the driver takes as text."""

    def values(self, row: Mapping[str, Any]) -> Sequence[Any]:
        values = self.pick(row)
        for at in self.json:
            if values[at] is not None:
                values = [*values[:at], dump_json(values[at]), *values[at + 1 :]]
        return values


def adding(table: Table) -> Write:
    """INSERT of whole rows."""
    names = table.c.keys()

    def build(source: Source, given: FromClause | None) -> Executable:
        if given is None:
            return insert(table).values({name: source[name] for name in names})
        return insert(table).from_select(names, select(*(source[name] for name in names)))

    return Write(build, {c.name: c.type for c in table.c})


def setting(table: Table, names: Sequence[str]) -> Write:
    """UPDATE of some columns of rows known by ``id``."""

    def build(source: Source, _given: FromClause | None) -> Executable:
        return update(table).where(table.c.id == source["id"]).values({name: source[name] for name in names})

    return Write(build, {name: table.c[name].type for name in ("id", *names)})


def _row_by_row(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"


def _keys(dialect: Dialect, columns: Columns) -> FromClause:
    """One JSON parameter, an array of values or of arrays, as a table."""
    given = bindparam(_GIVEN, type_=JSON())
    found = (_sqlite_keys if dialect.name == "sqlite" else _postgresql_keys)(given, len(columns))
    named = zip(found, columns.items(), strict=False)
    # Text stays as long as it is: a cast would cut it to the column's length, and find somebody else's row.
    fields = ((field if isinstance(kind, String) else cast(field, kind)).label(name) for field, (name, kind) in named)
    return select(*fields).subquery(_GIVEN)


def _sqlite_keys(given: ColumnElement[Any], count: int) -> list[ColumnElement[Any]]:
    value = func.json_each(given).table_valued("value").c.value
    return [value] if count == 1 else [func.json_extract(value, literal_column(f"'$[{at}]'")) for at in range(count)]


def _postgresql_keys(given: ColumnElement[Any], count: int) -> list[ColumnElement[Any]]:
    if count == 1:
        return [func.json_array_elements_text(given).table_valued("value").c.value]
    value = func.json_array_elements(given).table_valued(column("value", JSON())).c.value
    return [value[at].as_string() for at in range(count)]


def _rows(columns: Columns) -> FromClause:
    """One JSON parameter, an array of objects, as a table."""
    fields = (column(name, kind) for name, kind in columns.items())
    whole = func.json_to_recordset(bindparam(_GIVEN, type_=JSON())).table_valued(*fields, name=_GIVEN)
    return whole.render_derived(with_types=True)


def _text(dialect: Dialect, statement: Executable) -> _Text:
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # every statement can
    names = compiled.positiontup if compiled.positional else list(compiled.params)
    return _Text(compiled.string, names, dict(compiled.params), bool(compiled.positional))


def run(conn: Connection, sql: str, parameters: Any = (), *, many: bool = False) -> list[Sequence[Any]]:
    """Run it and fetch what it found; a driver's error comes as Core would raise it."""
    raw: Any = conn.connection
    cursor = raw.cursor()
    try:
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []
    except conn.dialect.loaded_dbapi.Error as error:
        lost = conn.dialect.is_disconnect(error, raw, cursor)
        if lost:
            conn.invalidate(error)
        raise DBAPIError.instance(
            sql, None, error, conn.dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost,
            dialect=conn.dialect,
        ) from error  # fmt: skip
    finally:
        cursor.close()
