"""`turnout reindex`: what it does and says, alone and beside a server."""

from contextlib import closing

from tests.cli.conftest import Cli, person
from turnout.changes.turn import Turn
from turnout.store.listing import CONSUMER


def test_a_wrong_index_is_made_anew(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"), person("b@x.org"))
    assert cli.json("reindex", "--event", "spring") == {"event": "spring", "done": True, "sequence": 2}
    with closing(cli.open()) as database, database.write() as connection:
        connection.exec_driver_sql("DELETE FROM words")
    assert "is missing in the list index" in cli.text("verify", code=1)
    assert "spring: indexed up to change 2" in cli.text("reindex", "--event", "spring")
    assert cli.json("verify")["ok"]


def test_beside_a_server_it_is_left_to_the_server(cli: Cli) -> None:
    cli.make_event()
    cli.push(person("a@x.org"))
    with closing(cli.open()) as database:
        assert Turn(database, CONSUMER).take()
        assert cli.json("reindex", "--event", "spring") == {"event": "spring", "done": False, "sequence": 0}
        assert "the server does it now" in cli.text("reindex", "--event", "spring")


def test_an_event_that_is_not_there(cli: Cli) -> None:
    cli.make_event()
    assert "no event" in cli.error("reindex", "--event", "winter")
