"""A CSV that somebody drops on a page: looked at first, then pushed for one source."""

import csv
import io
import re
from typing import Any

import pytest

from tests.product import Product, TestedEvent
from turnout import errors
from turnout.events import event as setting_up
from turnout.events import sources
from turnout.feed import dropped_csv
from turnout.feed.configurations import Configurations
from turnout.feed.dropped_csv import Preview, Sent, preview, send
from turnout.store import pushes

ROWS = b"""email,firstName,Shoe size,profile.customFields.Diet,groups,key\r
ann@x.org,Ann,38,vegan,Crew,trn_secret\r
\r
nobody,Bob,,,,\r
cleo@x.org,"Cl""eo",41,,Crew,\r
"""


class Dropped:
    """What a page does with a file, for the event's source *Sheet*."""

    def __init__(self, event: TestedEvent, **settings: str) -> None:
        self.event = event
        self.key = event.make_source("Sheet", **settings)
        self.configurations = Configurations(event.database)
        configuration = self.configurations.load(slug=event.slug)
        assert configuration is not None
        self.source = sources.get_source(configuration, "Sheet").number

    def preview(self, content: bytes) -> Preview:
        return preview(self.event.database, self.configurations, self.event.slug, self.source, content, actor="hnd:1")

    def send(self, content: bytes) -> Sent:
        return send(self.event.database, self.configurations, self.event.slug, self.source, content, actor="hnd:1")


@pytest.fixture
def dropped(product: Product) -> Dropped:
    return Dropped(product.make_event())


def test_a_preview_tells_rows_unknown_columns_and_the_first_problem_of_each_row(dropped: Dropped) -> None:
    shown = dropped.preview(ROWS.replace(b",41,,", b",41,N/A,"))
    assert shown.rows == 3
    assert shown.columns == ["email", "firstName", "Shoe size", "profile.customFields.Diet", "groups", "key"]
    assert shown.unknown == ["Shoe size"]
    assert [(row.line, row.result) for row in shown.tried] == [(2, "created"), (4, "failed"), (5, "created")]
    assert shown.tried[2].cells == ["cleo@x.org", 'Cl"eo', "41", "N/A", "Crew", ""]
    problem = shown.tried[1].problem
    assert problem is not None
    assert (problem.path, problem.code) == ("profile.email", "invalid_email")
    assert problem.message.startswith("Line 4: ")
    assert shown.tried[0].problem is None
    # The unknown column is told once.
    assert shown.tried[0].warning is None
    odd = shown.tried[2].warning
    assert odd is not None
    assert odd.code == "placeholder_text"
    assert not shown.rehearses


def test_a_preview_says_what_to_do_in_a_table(dropped: Dropped) -> None:
    content = b'email,groups\n,Crew\nann@x.org,"Guests, Press"\n'
    nobody, several = dropped.preview(content).tried
    assert nobody.problem is not None
    assert nobody.problem.help == "The address goes into a column called email."
    (other,) = dropped.preview(b"firstName,Work address\nAnn,ann@x.org\n").tried
    assert other.problem is not None
    assert re.fullmatch(
        "Work address holds an address: .* The address goes into a column called email.", other.problem.help
    )
    assert several.warning is not None
    assert "a column of its own (groups[0], groups[1])" in several.warning.message
    dropped.send(b"email,groups[0],groups[1]\nann@x.org,Guests,Press\n")
    assert sorted(dropped.event.attendee("ann@x.org")["groups"]) == ["Guests", "Press"]


def test_a_preview_shows_no_key_and_changes_nothing(dropped: Dropped) -> None:
    shown = dropped.preview(ROWS)
    assert "trn_secret" not in str(shown)
    assert dropped.event.changes() == []
    listed = dropped.event.get("/pushes", key=dropped.key).json()["pushes"]
    assert {push["dryRun"] for push in listed} == {True}


def test_a_preview_tries_the_first_twenty_rows_as_one_after_the_other(dropped: Dropped) -> None:
    rows = b"".join(b"p%d@x.org\n" % number for number in range(30))
    shown = dropped.preview(b"email\nANN@x.org\nann@x.org\n" + rows)
    assert shown.rows == 32
    assert len(shown.tried) == dropped_csv.PREVIEWED
    # The second row is about somebody whom the first would have made.
    assert [row.result for row in shown.tried[:2]] == ["created", "updated"]


def test_sending_pushes_every_row_of_that_source_and_gives_the_failed_ones_back(dropped: Dropped) -> None:
    sent = dropped.send(ROWS)
    assert sent.counts == {"created": 2, "updated": 0, "unchanged": 0, "suppressed": 0, "failed": 1}
    assert dropped.event.attendee("ann@x.org")["customFields"] == {"Diet": "vegan"}
    (failed,) = sent.failed
    assert failed.line == 4
    with dropped.event.database.read() as connection:
        push = pushes.find_push(connection, failed.push_id)
    assert push is not None
    assert (push.source_number, push.actor) == (dropped.source, "hnd:1")
    assert sent.failed_csv is not None
    header, row = csv.reader(io.StringIO(sent.failed_csv.decode("utf-8-sig")))
    assert header[-1] == "error"
    assert row[0] == "nobody"
    assert row[-1].startswith("Line 4: ")
    assert "trn_secret" not in sent.failed_csv.decode()


def test_what_failed_can_be_mended_and_sent_again(dropped: Dropped) -> None:
    failed = dropped.send(ROWS).failed_csv
    assert failed is not None
    again = dropped.send(failed.replace(b"nobody,", b"bob@x.org,"))
    assert (again.counts["created"], again.counts["failed"], again.failed_csv) == (1, 0, None)


def test_the_same_file_again_changes_nothing(dropped: Dropped) -> None:
    dropped.send(ROWS)
    changes = dropped.event.changes()
    assert dropped.send(ROWS).counts == {"created": 0, "updated": 0, "unchanged": 2, "suppressed": 0, "failed": 1}
    assert dropped.event.changes() == changes


def test_a_rehearsing_sources_file_changes_nothing(product: Product) -> None:
    dropped = Dropped(product.make_event(), mode="rehearsal")
    assert dropped.preview(ROWS).rehearses
    assert dropped.send(ROWS).counts["created"] == 2
    assert dropped.event.changes() == [change for change in dropped.event.changes() if change.kind == "setting_changed"]


def test_what_is_no_csv_is_told_in_a_sentence(dropped: Dropped) -> None:
    for content, told in (
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b'{"profile": {"email": "a@x.org"}}', "JSON"),
        (b"hello\nworld\n", "email,firstName"),
        ("email,firstName\nzoe@x.org,Zoë\n".encode("cp1252"), "UTF-8"),
    ):
        for act in (dropped.preview, dropped.send):
            with pytest.raises(errors.MalformedBody, match=told):
                act(content)


def test_bounds(dropped: Dropped, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.MalformedBody, match="10,000"):
        dropped.preview(b"email\n" + b"a@x.org\n" * 10_001)
    monkeypatch.setattr(dropped_csv, "MAX_BYTES", 2**20)
    with pytest.raises(errors.BodyTooLarge, match="1 MB"):
        dropped.send(b"email\n" + b"a@x.org\n" * 200_000)


def test_sent_in_part_it_says_so_and_the_rest_is_sent_with_the_next_try(
    dropped: Dropped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropped_csv, "MAX_TOGETHER", 2)
    rows = b"email\n" + b"".join(b"p%d@x.org\n" % number for number in range(4))
    original, done = dropped_csv.hand_in, []

    def hand_in(*given: Any) -> Any:
        if done:
            setting_up.archive(dropped.event.database, dropped.event.id)
        done.append(True)
        return original(*given)

    with monkeypatch.context() as patch:
        patch.setattr(dropped_csv, "hand_in", hand_in)
        sent = dropped.send(rows)
    assert sent.counts["created"] == 2
    assert "The first 2 rows were sent" in (sent.stopped or "")
    with pytest.raises(errors.Conflict):
        dropped.send(rows)
    setting_up.archive(dropped.event.database, dropped.event.id, undo=True)
    again = dropped.send(rows)
    assert (again.counts["created"], again.counts["unchanged"], again.stopped) == (2, 2, None)
