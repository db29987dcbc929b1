"""Rows come to lie in the tables as they are, in whatever way their number makes cheapest."""

import pytest
from sqlalchemy import text

from turnout.store.database import Database
from turnout.store.statements import insert

_COLUMNS = "event_id, id, at, source_number, key_id, actor, result, dry_run, email, repeats, last_at"
_ODD = "tab\t line\n return\r back\\slash \\N \\. 'quotes\" ä 𝄞 %s $1 {}"


@pytest.mark.parametrize("number", [0, 1, 15, 16, 2_000])
def test_rows_come_back_as_they_were(database: Database, number: int) -> None:
    rows = [
        ("evt", f"psh{n:04}", -(2**62) + n, n, None if n % 2 else _ODD, "", "updated", n % 2, _ODD * (n % 9), 0, 2**40)
        for n in range(number)
    ]
    with database.write() as connection:
        insert(connection, "pushes", _COLUMNS, rows)
    with database.read() as connection:
        found = connection.execute(text(f"SELECT {_COLUMNS} FROM pushes ORDER BY id"))
        assert [tuple(row) for row in found] == rows
