"""Many stored pushes once more: what that would lead to, and then beside everything else, one run at a time."""

import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from turnout import errors
from turnout.changes.fold import as_folded, fold
from turnout.events import event, keys, sources
from turnout.feed.by_hand import in_turn, replay_many
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.by_hand.replay_many import Counts, Progress, Replays, Seen, list_matching, plan_replay
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Overlay
from turnout.model.attendee import Attendee
from turnout.model.receipt import Outcome
from turnout.now import new_id
from turnout.store import attendees, changes, leases, pushes
from turnout.store.database import Database
from turnout.store.push_search import PushSearch

MAIN, SHOP = 1, 2
SLUG = "spring"
FAILED = PushSearch(result="failed")


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.event, _ = event.create(database, "Spring")
        keys.create(database, self.event.id, label="Shop")
        self.configurations = Configurations(database)
        self.replays = Replays(database, self.configurations)
        self.ended: list[Progress] = []

    def push(self, *said: Any, source: int = MAIN, dry_run: bool = False) -> list[Outcome]:
        return hand_in(
            self.database,
            self.configurations,
            SLUG,
            lambda configuration: [
                read_item(new_id("psh"), decode(json.dumps(one).encode(), None), as_sender(configuration, source, "t"))
                for one in said
            ],
            Overlay() if dry_run else None,
        )

    def plan(self, push_ids: Sequence[str]) -> replay_many.Plan:
        return plan_replay(self.database, self.configurations, SLUG, push_ids, actor="ann")

    def start(self, push_ids: Sequence[str], replays: Replays | None = None) -> threading.Event:
        """Begins a run; the event is set at its end."""
        over = threading.Event()

        def on_end(progress: Progress) -> None:
            self.ended.append(progress)
            over.set()

        (replays or self.replays).start(SLUG, push_ids, actor="ann", on_end=on_end)
        return over

    def run(self, push_ids: Sequence[str]) -> Counts:
        assert self.start(push_ids).wait(PATIENCE_S)
        return self.ended[-1].counts

    def seen(self) -> Seen:
        seen = self.replays.find(self.event.id)
        assert seen is not None
        return seen

    def count_lines(self) -> int:
        with self.database.read() as connection:
            return len(pushes.list_pushes(connection, self.event.id, limit=1_000))

    def people(self) -> dict[str, Attendee]:
        with self.database.read() as connection:
            return {one.email: one for one in attendees.list_attendees(connection, self.event.id, status=None)}


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    desk = Desk(database)
    yield desk
    desk.replays.close()
    with desk.database.read() as connection:
        log = changes.list_changes(connection, desk.event.id)
    assert {one.id: as_folded(one) for one in desk.people().values()} == {
        one.id: as_folded(one) for one in fold(log).values()
    }


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Runs stand still after their first commit, until they are let go."""

    @contextmanager
    def hold() -> Generator[threading.Event]:
        stands, goes = threading.Event(), threading.Event()
        replay = in_turn.replay

        def slowly(*args: Any, **options: Any) -> Any:
            done = replay(*args, **options)
            if not stands.is_set():
                stands.set()
                assert goes.wait(PATIENCE_S)
            return done

        with monkeypatch.context() as patch:
            patch.setattr(in_turn, "replay", slowly)
            try:
                yield stands
            finally:
                goes.set()

    return hold


def say(name: str, title: Any = "CEO", **profile: Any) -> dict[str, Any]:
    return {"profile": {"email": f"{name}@x.org", "title": title, **profile}}


def rehearse(desk: Desk, count: int) -> list[str]:
    """Pushes of one person, without effect until they are replayed."""
    desk.push(say("ann"))
    sources.set_up(desk.database, desk.event.id, "main", {"mode": "rehearsal"})
    rehearsed = [desk.push(say("ann", title=f"t{n}"))[0] for n in range(count)]
    sources.set_up(desk.database, desk.event.id, "main", {"mode": "live"})
    return [one.push_id for one in rehearsed]


def test_all_that_match_come_in_their_order_without_what_nothing_can_be_replayed_of(desk: Desk) -> None:
    first, second = (desk.push(say(name, ["x"]))[0].push_id for name in ("ann", "bob"))
    desk.push(say("ann", ["x"]), dry_run=True)
    desk.push(say("ann"))
    found = list_matching(desk.database, desk.event.id, FAILED)
    assert (found.push_ids, found.left_out, found.are_more) == ([first, second], 1, False)
    cut = list_matching(desk.database, desk.event.id, FAILED, most=1)
    assert (cut.push_ids, cut.are_more) == ([second], True)


def test_a_plan_tells_what_would_be_and_leaves_nothing(desk: Desk) -> None:
    waiting = rehearse(desk, 3)
    lines = desk.count_lines()
    (fine,) = desk.push(say("cid"))
    (broken,) = desk.push(say("bob", ["x"]))
    plan = desk.plan([*waiting, broken.push_id, fine.push_id, "psh_gone"])
    assert plan.counts == Counts(updated=3, unchanged=1, failed=1, gone=1)
    assert [(one.result, [(c.old, c.new) for c in one.changes]) for one in plan.differences] == [
        ("updated", [("CEO", "t0")]),
        ("updated", [("t0", "t1")]),
        ("updated", [("t1", "t2")]),
        ("failed", []),
    ]
    assert plan.differences[3].failure is not None
    assert desk.count_lines() == lines + 2
    assert desk.people()["ann@x.org"].profile["title"].value == "CEO"


def test_a_plan_sees_what_its_earlier_pushes_would_lead_to_across_commits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_turn, "TOGETHER", 1)
    waiting = rehearse(desk, 2)
    assert [one.changes[0].old for one in desk.plan(waiting).differences] == ["CEO", "t0"]


def test_a_run_does_what_its_plan_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_turn, "TOGETHER", 2)
    waiting = rehearse(desk, 3)
    plan = desk.plan(waiting)
    assert desk.run(waiting) == plan.counts == Counts(updated=3)
    assert desk.people()["ann@x.org"].profile["title"].value == "t2"
    seen = desk.seen()
    assert (seen.state, seen.progress.actor, seen.progress.percent) == ("done", "ann", 100)
    with desk.database.read() as connection:
        assert pushes.list_rehearsed_ids(connection, desk.event.id, MAIN) == []
        line = pushes.list_pushes(connection, desk.event.id, limit=1)[0]
    assert (line.replay_of, line.actor) == (waiting[-1], "ann")


def test_what_has_been_replayed_is_unchanged_when_it_is_replayed_again(desk: Desk) -> None:
    waiting = rehearse(desk, 3)
    desk.run(waiting)
    assert desk.run(waiting) == Counts(unchanged=3)


def test_what_fails_again_is_told(desk: Desk) -> None:
    (broken,) = desk.push(say("ann", ["x"]))
    assert desk.run([broken.push_id]) == Counts(failed=1)
    (again,) = desk.seen().progress.failed_ids
    with desk.database.read() as connection:
        line = pushes.find_push(connection, again)
    assert line is not None
    assert line.replay_of == broken.push_id


def test_only_one_run_of_an_event_is_under_way_in_all_processes(desk: Desk, held: Callable[[], Any]) -> None:
    (one,) = desk.push(say("ann"))
    elsewhere = Replays(desk.database, Configurations(desk.database))
    with held() as stands:
        over = desk.start([one.push_id])
        assert stands.wait(PATIENCE_S)
        with pytest.raises(errors.Conflict, match="under way"):
            elsewhere.start(SLUG, [one.push_id], actor="bob")
        seen = elsewhere.find(desk.event.id)
        assert seen is not None
        assert (seen.state, seen.progress.total) == ("running", 1)
    assert over.wait(PATIENCE_S)
    assert desk.seen().state == "done"
    assert desk.start([one.push_id], elsewhere).wait(PATIENCE_S)


def test_a_run_is_stopped_from_any_process_and_what_is_done_is_done(
    desk: Desk, held: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_turn, "TOGETHER", 1)
    waiting = rehearse(desk, 3)
    with held() as stands:
        over = desk.start(waiting)
        assert stands.wait(PATIENCE_S)
        Replays(desk.database, Configurations(desk.database)).stop(desk.event.id)
        assert desk.seen().state == "stopped"
    assert over.wait(PATIENCE_S)
    assert desk.seen().state == "stopped"
    assert desk.people()["ann@x.org"].profile["title"].value == "t0"
    assert desk.run(waiting) == Counts(updated=2, unchanged=1)


def test_a_process_that_ends_ends_its_run_in_order(
    desk: Desk, held: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_turn, "TOGETHER", 1)
    waiting = rehearse(desk, 3)
    ending = Replays(desk.database, desk.configurations)
    with held() as stands:
        desk.start(waiting, ending)
        assert stands.wait(PATIENCE_S)
        ending._stopping.set()
    ending.close()
    assert desk.ended[-1].counts.done == 1
    # The next one need not wait for the lease to end.
    with desk.database.read() as connection:
        held_by = leases.find_latest(connection, f"replay {desk.event.id}")
    assert held_by is not None
    assert held_by[1] is False
    assert desk.seen().state == "stopped"


def test_retired_sources_are_left_out(desk: Desk) -> None:
    (theirs,) = desk.push(say("bob"), source=SHOP)
    (ours,) = desk.push(say("ann"))
    sources.retire(desk.database, desk.event.id, "shop")
    assert desk.plan([theirs.push_id, ours.push_id]).counts == Counts(unchanged=1, gone=1)
    assert desk.run([theirs.push_id, ours.push_id]) == Counts(unchanged=1, gone=1)


def test_a_trouble_ends_a_run_and_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = desk.push(say("ann"))

    def fail(*_: Any, **__: Any) -> Any:
        raise errors.StorageUnavailable("The disk is full.")

    monkeypatch.setattr(in_turn, "replay", fail)
    desk.run([one.push_id])
    assert (desk.seen().state, desk.seen().progress.trouble) == ("failed", "The disk is full.")


def test_too_many_or_an_archived_event_are_refused_before_anything_begins(desk: Desk) -> None:
    with pytest.raises(errors.InvalidRequest, match="10,001"):
        desk.replays.start(SLUG, ["psh_x"] * 10_001, actor="ann")
    with pytest.raises(errors.InvalidRequest):
        desk.plan(["psh_x"] * 10_001)
    event.archive(desk.database, desk.event.id)
    with pytest.raises(errors.Conflict, match="archived"):
        desk.replays.start(SLUG, [], actor="ann")
    assert desk.replays.find(desk.event.id) is None


def test_the_progress_holds_nothing_of_anybody(desk: Desk) -> None:
    (broken,) = desk.push(say("very-secret-name", ["x"]))
    desk.run([broken.push_id])
    with desk.database.read() as connection:
        found = leases.find_latest(connection, f"replay {desk.event.id}")
    assert found is not None
    assert "very-secret-name" not in found[0]


def test_an_event_without_a_run_has_none(desk: Desk) -> None:
    assert desk.replays.find(desk.event.id) is None
    sources.set_up(desk.database, desk.event.id, "main", {"null": "clear"})
    assert desk.run([]) == Counts()
    assert desk.seen().progress.percent == 100
