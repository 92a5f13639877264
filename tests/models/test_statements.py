"""What the hot statements write is what Core reads, on both kinds of database, whatever people and bots say."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from models.db import Database
from models.encoding import dump_json, load_json
from models.statements import Query, adding, setting
from models.text import clean

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("number", BigInteger),
    Column("share", Float),
    Column("yes", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSON(none_as_null=True)),
)
ADD = adding(things)
SET = setting(things, ("text", "data"))
FIND = Query(lambda keys: select(things).join(keys, things.c.number == keys.c.number), {"number": Integer()}, things)
PLAIN = [column for column in things.c if column.name != "share"]
READ = Query(lambda keys: select(*PLAIN).where(things.c.id.in_(select(keys.c.id))), {"id": String(32)})
SORTED = Query(
    lambda keys: select(*PLAIN).join(keys, things.c.id == keys.c.id).order_by(things.c.number.desc()),
    {"id": String(32)},
)
PAIRS = Query(
    lambda keys: select(things.c.id).join(keys, (things.c.id == keys.c.id) & (things.c.number == keys.c.number)),
    {"id": String(32), "number": Integer()},
)
DROP = Query(
    lambda keys: delete(things).where(things.c.id.in_(select(keys.c.id))).returning(things.c.id), {"id": String(32)}
)

SAID = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | SAID,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SAID, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def db(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("statements")
    url = f"sqlite:///{folder}/test.db" if database_kind == "sqlite" else request.getfixturevalue("postgres").create()
    database = Database(url, synchronous="NORMAL")
    metadata.create_all(database.writing)
    yield database
    database.close()


def row(key: str, **values: Any) -> dict[str, Any]:
    return {"id": key, "number": None, "share": None, "yes": False, "text": "", "data": None, "beside": "it"} | values


def by_core(db: Database) -> list[dict[str, Any]]:
    query = select(things).order_by(things.c.id)
    return db.read_now(lambda conn: [dict(found) for found in conn.execute(query).mappings()])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=SAID, data=st.none() | st.dictionaries(SAID, VALUES, max_size=3), share=st.none() | st.floats(-1e9, 1e9))
def test_rows_come_back_as_they_were(db: Database, text: str, data: Any, share: float | None) -> None:
    rows = [row("a", text=text, data=data, share=share, yes=True, number=2**40), row("b", text="b", number=7)]
    with db.writing.begin() as conn:
        conn.execute(delete(things))
        ADD.run(conn, rows)
        SET.run(conn, [row("b", text=text, data=data)])
        found = FIND.rows(conn, [7, 8])
        read = READ.rows(conn, ["a", "b"])
    whole = [{c.name: one[c.name] for c in things.c} for one in rows]
    whole[1] |= {"text": text, "data": data}
    assert by_core(db) == whole
    assert found == whole[1:]
    assert sorted(read, key=itemgetter("id")) == [{c.name: one[c.name] for c in PLAIN} for one in whole]


def test_core_and_we_read_the_same(db: Database) -> None:
    """What was stored before, by Core, is found as Core gives it."""
    with db.writing.begin() as conn:
        conn.execute(delete(things))
        conn.execute(insert(things), [{"id": "x", "number": 1, "yes": True, "text": "é", "data": {"a": [1, None]}}])
        assert FIND.rows(conn, []) == []
        found = FIND.rows(conn, [1])
    assert found == by_core(db)
    assert found[0]["yes"] is True


def test_rows_are_found_by_all_of_their_keys_and_in_order(db: Database) -> None:
    with db.writing.begin() as conn:
        conn.execute(delete(things))
        ADD.run(conn, [row("a", number=1), row("b", number=3), row("c", number=2)])
        assert [one["id"] for one in SORTED.rows(conn, ["a", "b", "c"])] == ["b", "c", "a"]
        assert PAIRS.rows(conn, [("a", 1), ("b", 2), ("c", 2)]) in (
            [{"id": "a"}, {"id": "c"}],
            [{"id": "c"}, {"id": "a"}],
        )
        assert PAIRS.rows(conn, []) == []


def test_a_key_is_compared_whole(db: Database) -> None:
    """A longer one than the column holds is nobody's, not the one that begins like it."""
    with db.writing.begin() as conn:
        conn.execute(delete(things))
        ADD.run(conn, [row("x" * 32, number=1)])
        assert READ.rows(conn, ["x" * 33]) == []
        assert PAIRS.rows(conn, [("x" * 33, 1)]) == []
        assert PAIRS.rows(conn, [("x" * 32, 1)]) == [{"id": "x" * 32}]


def test_a_deletion_tells_what_there_was(db: Database) -> None:
    with db.writing.begin() as conn:
        conn.execute(delete(things))
        ADD.run(conn, [row("a"), row("b"), row("c")])
        gone = DROP.rows(conn, ["a", "c", "nobody"])
    assert sorted(one["id"] for one in gone) == ["a", "c"]
    assert [one["id"] for one in by_core(db)] == ["b"]


def test_a_fault_is_one_of_core(db: Database) -> None:
    with pytest.raises(IntegrityError), db.writing.begin() as conn:
        ADD.run(conn, [row("same"), row("same")])


@pytest.mark.parametrize("odd", [2**70, {"deep": [2**70]}, {1: "a number for a key"}, "\ud800"], ids=repr)
def test_json_that_orjson_refuses(odd: Any) -> None:
    text = dump_json({"odd": odd})
    text.encode()
    assert load_json(text) == {"odd": {"1": "a number for a key"} if isinstance(odd, dict) and 1 in odd else odd}


def test_json_of_older_versions_is_read() -> None:
    assert load_json('{"a": Infinity}') == {"a": float("inf")}
    with pytest.raises(ValueError, match="Expecting"):
        load_json("nothing")


def test_cleaned_text_fits_both(db: Database) -> None:
    with db.writing.begin() as conn:
        conn.execute(delete(things))
        ADD.run(conn, [row("a", text=clean("a\x00b\ud800c"))])
    assert by_core(db)[0]["text"] == "ab\ufffdc"
