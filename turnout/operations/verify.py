"""Whether what is stored agrees with itself: the log with its clock, states with the log, indexes with states, pushes
with changes.

Everything is read as a stream, so that memory does not grow with the event. Repairs nothing.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Any, get_args

import msgspec

from turnout.changes.fold import apply, as_folded
from turnout.errors import NotFound
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Entry, Kind
from turnout.model.event import Configuration, Event
from turnout.model.names import Names, fold_case
from turnout.model.receipt import Outcome
from turnout.store import events, verification
from turnout.store.connect import Connection, Database
from turnout.store.verification import IndexName, StoredAttendee, StoredChange

MAX_PROBLEMS = 100
"""Described of one event; the others are counted."""
_SLICE = 500
"""Attendees whose rows in the index tables are looked up together."""
_TOLD_EVERY = 1_000

_OF_ATTENDEES: tuple[Kind, ...] = ("created", "updated", "withdrawn", "returned", "merged", "erased")
_KINDS = get_args(Kind)

OnProgress = Callable[[str, int, int], object]
"""Called with slug, rows read, rows altogether."""


class Problem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Something that does not agree."""

    code: str
    message: str
    sequence: int | None = None
    """Of the line of the log that it concerns."""
    attendee_id: str | None = None
    push_id: str | None = None


class VerifiedEvent(msgspec.Struct, rename="camel"):
    """What was read of one event, and what was wrong with it."""

    slug: str
    attendees: int = 0
    changes: int = 0
    pushes: int = 0
    problems: list[Problem] = []
    more_problems: int = 0


class Verified(msgspec.Struct, frozen=True):
    """What was found out."""

    events: list[VerifiedEvent]
    ok: bool


def verify(database: Database, slug: str | None = None, on_progress: OnProgress = lambda *_: None) -> Verified:
    """Reads all events, or one, each as it is at one moment. Raises NotFound and StorageUnavailable."""
    with database.read() as connection:
        wanted = [one for one in events.list_events(connection) if slug in (None, one.slug)]
    if slug is not None and not wanted:
        raise NotFound(f"There is no event {slug}. `turnout event list` shows the events that there are.")
    verified = []
    for event in wanted:
        with database.read() as connection:
            verified.append(_Verifying(connection, event, on_progress).run())
    return Verified(verified, not any(one.problems for one in verified))


class _Verifying:
    """One event, and what was found so far."""

    def __init__(self, connection: Connection, event: Event, on_progress: OnProgress) -> None:
        self.connection = connection
        self.event_id = event.id
        self.found = VerifiedEvent(event.slug)
        self.on_progress = on_progress
        self.counts = verification.count_rows(connection, event.id)
        self.erased: set[str] = set()
        """Attendees of whom the log says so."""
        self.rows = 0
        self.rows_expected = self.counts["changes"] * 2 + self.counts["pushes"] + self.counts["attendees"]

    def run(self) -> VerifiedEvent:
        configuration = events.load_configuration(self.connection, self.event_id)
        if configuration is None:
            self.problem("no_clock", "The event has no clock row, so nothing can be committed.")
            return self.found
        self.check_registry(configuration)
        self.check_log(configuration)
        self.check_pushes(configuration)
        _States(self, configuration).check()
        self.check_answers()
        return self.found

    def problem(self, code: str, message: str, **where: Any) -> None:
        if len(self.found.problems) == MAX_PROBLEMS:
            self.found.more_problems += 1
        else:
            self.found.problems.append(Problem(code, message, **where))

    def count(self) -> None:
        """One more row is read."""
        self.rows += 1
        if self.rows % _TOLD_EVERY == 0:
            self.on_progress(self.found.slug, self.rows, max(self.rows, self.rows_expected))

    def check_registry(self, configuration: Configuration) -> None:
        """Every name is found under its own spelling, and no spelling leads to nothing."""
        for kind, names in (("custom field", configuration.custom_fields), ("group", configuration.groups)):
            for number, name in names.by_number.items():
                if names.by_spelling.get(fold_case(name.name)) != number:
                    self.problem("lost_spelling", f"The {kind} {name.name} is not found under its own name.")
            for spelling, number in names.by_spelling.items():
                if number not in names.by_number:
                    self.problem(
                        "lost_name", f"The spelling {spelling!r} leads to the {kind} {number}, which is not there."
                    )

    def check_log(self, configuration: Configuration) -> None:
        """Numbers without gaps, times that never go back, a clock that stands at the end, the push of every line."""
        expected, last_at = 1, 0
        for line in verification.read_log(self.connection, self.event_id):
            self.count()
            self.found.changes += 1
            if line.sequence != expected:
                what = (
                    f"line {expected}" if line.sequence == expected + 1 else f"lines {expected} to {line.sequence - 1}"
                )
                self.problem("gap", f"The log lacks {what}.", sequence=line.sequence)
            if line.at < last_at:
                self.problem(
                    "time_goes_back",
                    f"Line {line.sequence} took effect before the line above it.",
                    sequence=line.sequence,
                )
            expected, last_at = line.sequence + 1, max(line.at, last_at)
            self.check_line(line, configuration)
        clock = events.find_clock(self.connection, self.event_id)
        assert clock is not None
        if clock.last_sequence != expected - 1:
            self.problem(
                "clock_differs",
                f"The clock row stands at {clock.last_sequence:,}, the log ends with {expected - 1:,}.",
            )
        if clock.last_at < last_at:
            self.problem("clock_differs", "The clock row's time is before the log's last line.")

    def check_line(self, line: Any, configuration: Configuration) -> None:
        """What can be said of one line and its push without knowing any other."""
        where = {"sequence": line.sequence}
        if line.kind not in _KINDS:
            self.problem("unknown_kind", f"Line {line.sequence} is of the kind {line.kind!r}, which is none.", **where)
            return
        # An act has no push, and somebody who acted.
        its = (line.attendee_id, line.push_id or line.actor, line.source_number)
        if line.kind in _OF_ATTENDEES and None in its:
            self.problem("incomplete_line", f"Line {line.sequence} lacks its attendee, push or source.", **where)
        if line.kind == "erased" and line.attendee_id is not None:
            self.erased.add(line.attendee_id)
        if line.kind not in _OF_ATTENDEES and (line.attendee_id, line.push_id) != (None, None):
            message = f"Line {line.sequence} concerns the event and names an attendee or a push."
            self.problem("incomplete_line", message, **where)
        if line.source_number is not None and line.source_number not in configuration.sources:
            message = f"Line {line.sequence} is of source {line.source_number}, which is not there."
            self.problem("unknown_source", message, **where)
        if line.push_id is not None:
            self.check_push_of(line)

    def check_push_of(self, line: Any) -> None:
        where = {"sequence": line.sequence, "push_id": line.push_id}
        if line.push_found is None:
            self.problem("no_push", f"The push of line {line.sequence} is not in the push log.", **where)
            return
        true_at = line.at if line.push_observed_at is None else min(line.push_observed_at, line.at)
        facts = {
            "sequence": (line.sequence, line.push_sequence),
            "result": ("created" if line.kind == "created" else "updated", line.push_result),
            "attendee": (line.attendee_id, line.push_attendee_id),
            "source": (line.source_number, line.push_source_number),
            "actor": (line.actor, line.push_actor),
            "time": (line.at, line.push_at),
            "dry run": (False, bool(line.push_dry_run)),
            "time of truth": (line.true_at, true_at),
        }
        differing = [name for name, (logged, pushed) in facts.items() if logged != pushed]
        if differing:
            message = f"Line {line.sequence} and its push do not agree: {', '.join(differing)}."
            self.problem("push_differs", message, **where)

    def check_pushes(self, configuration: Configuration) -> None:
        """Every push that changed something has its line, no other has one; and every body has its push."""
        silent: list[str] = []
        for push in verification.read_pushes(self.connection, self.event_id):
            self.count()
            self.found.pushes += 1
            wrong = _judge_push(push, configuration, self.erased)
            if wrong is not None:
                where = {"push_id": push.id, "sequence": push.sequence, "attendee_id": push.attendee_id}
                self.problem(wrong[0], f"The push {push.id} {wrong[1]}.", **where)
            if _is_silent(push, self.erased):
                silent.append(push.id)
                if len(silent) == _SLICE:
                    self.check_silence(silent)
                    silent = []
        self.check_silence(silent)
        for push_id in verification.list_lost_bodies(self.connection, self.event_id, MAX_PROBLEMS):
            self.problem("lost_body", f"There is a body of the push {push_id}, which is not there.", push_id=push_id)

    def check_silence(self, push_ids: Sequence[str]) -> None:
        """What somebody said who was erased, or is suppressed, is not kept (F1, F2)."""
        for push_id in verification.list_with_body(self.connection, self.event_id, push_ids):
            message = f"The push {push_id} still has its body, and is about somebody who was erased."
            self.problem("not_forgotten", message, push_id=push_id)

    def check_answers(self) -> None:
        """What repeated requests would be answered is about pushes that are there, with the sequence that they had."""
        answers = verification.read_answers(self.connection, self.event_id)
        outcomes: list[Outcome] = []
        for row in answers:
            try:
                outcomes.append(msgspec.json.decode(row.answer, type=Outcome))
            except msgspec.ValidationError:
                # Of an atomic batch that failed the errors are kept, not an outcome.
                continue
            except msgspec.DecodeError:
                self.problem("unreadable_answer", f"The answer kept for the Idempotency-Key {row.key} cannot be read.")
            if len(outcomes) == _SLICE:
                self.compare_answers(outcomes)
                outcomes = []
        self.compare_answers(outcomes)

    def compare_answers(self, outcomes: Sequence[Outcome]) -> None:
        lines = verification.find_push_lines(self.connection, self.event_id, [outcome.push_id for outcome in outcomes])
        for outcome in outcomes:
            line = lines.get(outcome.push_id)
            where = {"push_id": outcome.push_id}
            if outcome.attendee is not None and outcome.attendee.id in self.erased:
                message = f"The answer kept of the push {outcome.push_id} tells of somebody who was erased."
                self.problem("not_forgotten", message, **where)
            if line is None:
                self.problem(
                    "answer_differs", f"An answer is kept of the push {outcome.push_id}, which is not there.", **where
                )
            # The answer to a repetition names the line that it was counted on, and says nothing of its change.
            elif outcome.sequence is not None and (outcome.result, outcome.sequence) != line:
                message = f"The answer kept of the push {outcome.push_id} says otherwise than the push log."
                self.problem("answer_differs", message, **where)


def _judge_push(push: Any, configuration: Configuration, erased: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with one line of the push log: a code, and how the sentence goes on."""
    if push.source_number not in configuration.sources:
        return "unknown_source", f"is of source {push.source_number}, which is not there"
    if push.last_at < push.at:
        return "push_differs", "was repeated before it came"
    if push.result == "failed" and push.failure is None:
        return "push_differs", "failed, and it is not known why"
    changed = push.result in ("created", "updated") and not push.dry_run
    if changed and push.sequence is None:
        return "no_change", f"is said to have {push.result} somebody, and names no change"
    if not changed and push.sequence is not None:
        return "push_differs", f"changed nothing ({push.result}), and names a change"
    if push.sequence is not None and push.change_push_id != push.id:
        return "no_change", f"names the change {push.sequence}, which is not its own or not there"
    if _is_silent(push, erased) and (push.email is not None or push.warnings is not None):
        return "not_forgotten", "still tells of somebody who was erased"
    if push.attendee_id is not None and push.attendee_found is None and push.attendee_id not in erased:
        return "no_attendee", f"names the attendee {push.attendee_id}, who is not there"
    return None


def _is_silent(push: Any, erased: Collection[str]) -> bool:
    return push.result == "suppressed" or push.attendee_id in erased


class _States:
    """The attendees of an event against their lines in the log, and the index tables against both."""

    def __init__(self, verifying: _Verifying, configuration: Configuration) -> None:
        self.verifying = verifying
        self.problem = verifying.problem
        self.connection = verifying.connection
        self.event_id = verifying.event_id
        self.configuration = configuration
        self.expected: dict[IndexName, list[tuple[Any, ...]]] = {index: [] for index in verification.INDEXES}
        self.present: dict[IndexName, int] = dict.fromkeys(verification.INDEXES, 0)
        self.waiting = 0

    def check(self) -> None:
        stored = verification.read_attendees(self.connection, self.event_id)
        lines = verification.read_histories(self.connection, self.event_id)
        for row, history in _side_by_side(stored, lines):
            self.check_one(row, history)
            self.waiting += 1
            if self.waiting == _SLICE:
                self.look_up()
        self.look_up()
        for index, present in self.present.items():
            if self.verifying.counts[index] > present:
                self.check_surplus(index, self.verifying.counts[index] - present)

    def check_one(self, row: StoredAttendee | None, history: Iterator[StoredChange]) -> None:
        """One attendee: the row where there is one, and all lines that there are."""
        folded = self.fold(history)
        if row is None:
            if folded is not None:
                self.problem("no_state", f"The log knows {folded.id}, who is not there.", attendee_id=folded.id)
            return
        self.verifying.count()
        self.verifying.found.attendees += 1
        where = {"attendee_id": row.id}
        attendee = row.attendee
        if attendee is None or attendee.id != row.id or "email" not in attendee.profile:
            self.problem("unreadable_state", f"The document of {row.id} cannot be read.", **where)
            return
        if folded is None:
            self.problem("no_log", f"The log does not know {row.id}.", **where)
        elif differing := _list_differences(as_folded(attendee), as_folded(folded)):
            message = f"The state of {row.id} is not what the log leads to: {', '.join(differing)}."
            self.problem("state_differs", message, **where)
        self.check_columns(row, attendee)
        self.check_numbers(attendee)
        self.expect(attendee)

    def fold(self, history: Iterator[StoredChange]) -> Attendee | None:
        """What the lines lead to; nobody once they say that he is erased."""
        folded: Attendee | None = None
        before: int | None = None
        for line in history:
            self.verifying.count()
            change = line.change
            where = {"sequence": line.sequence, "attendee_id": line.attendee_id}
            if line.previous != before:
                message = f"Line {line.sequence} does not name the line of {line.attendee_id} before it."
                self.problem("broken_history", message, **where)
            before = line.sequence
            if change is None or change.source_number is None:
                self.problem("unreadable_line", f"Line {line.sequence} cannot be read.", **where)
                continue
            if line.attendee_id in self.verifying.erased:
                if change.entries or change.email is not None:
                    message = f"Line {line.sequence} still tells of {line.attendee_id}, who was erased."
                    self.problem("not_forgotten", message, **where)
                continue
            if (change.kind == "created") != (folded is None):
                message = f"Line {line.sequence} is of the kind {change.kind}, which cannot be at this place."
                self.problem("wrong_kind", message, **where)
            for entry in change.entries:
                wrong = self.judge_entry(entry, folded)
                if wrong is not None:
                    self.problem("wrong_entry", f"Line {line.sequence}: {wrong}.", **where)
            try:
                folded = apply(folded, change)
            except (AssertionError, msgspec.ValidationError, TypeError):
                self.problem("unreadable_line", f"Line {line.sequence} cannot be applied.", **where)
        return folded

    def judge_entry(self, entry: Entry, before: Attendee | None) -> str | None:
        """What is wrong with one entry: names that nobody has registered, or an old value that was not there."""
        groups = self.configuration.groups.by_number
        is_of_field = entry.what == "custom_field" or (entry.what == "pin" and isinstance(entry.key, int))
        if is_of_field and entry.key not in self.configuration.custom_fields.by_number:
            return f"the custom field {entry.key} is not registered"
        named = (*entry.old, *entry.new) if entry.what in ("groups", "part_groups") else ()
        if any(one not in groups for one in (*named, *([entry.key] if entry.what == "held" else []))):
            return "it names a group that is not registered"
        if entry.what.startswith("part_") and entry.key not in self.configuration.sources:
            return f"the source {entry.key} is not there"
        if entry.old != _value_before(entry, before):
            return f"{_name_entry(entry)} was something else before than it says"
        return None

    def check_columns(self, row: StoredAttendee, attendee: Attendee) -> None:
        """What is extracted to search and sort by."""
        names = (_text(attendee, "firstName"), _text(attendee, "lastName"))
        expected = {
            "status": attendee.status,
            "email_key": fold_case(attendee.email),
            "name_key": fold_case(" ".join(filter(None, names))),
            "company_key": fold_case(_text(attendee, "company") or ""),
            "updated_at": attendee.updated_at,
        }
        differing = [column for column, value in expected.items() if getattr(row, column) != value]
        if differing:
            message = f"Columns of {row.id} are not what the document says: {', '.join(differing)}."
            self.problem("columns_differ", message, attendee_id=row.id)

    def check_numbers(self, attendee: Attendee) -> None:
        """Custom fields, groups and sources that the document names are registered."""
        configuration = self.configuration
        values = (attendee.profile, attendee.custom_fields, attendee.unknown_fields)
        sources = {said.source for some in values for said in some.values()} | attendee.parts.keys()
        unknown = [
            *_list_unknown("custom field", attendee.custom_fields, configuration.custom_fields),
            *_list_unknown("group", {*attendee.group_numbers(), *attendee.held}, configuration.groups),
            *_list_unknown("pinned custom field", attendee.pins, configuration.custom_fields),
            *(f"source {number}" for number in sorted(sources) if number not in configuration.sources),
        ]
        if unknown:
            message = f"The document of {attendee.id} names what is not registered: {', '.join(unknown)}."
            self.problem("unknown_number", message, attendee_id=attendee.id)

    def expect(self, attendee: Attendee) -> None:
        """Notes the rows that the index tables have to have."""
        for index, rows in _list_index_rows(attendee).items():
            self.expected[index] += rows

    def look_up(self) -> None:
        """Compares what was noted with what is there."""
        for index, rows in self.expected.items():
            if rows:
                found = verification.find_present(self.connection, index, self.event_id, rows)
                self.present[index] += len(found)
                for row in rows:
                    if row not in found:
                        message = f"{_name_row(index, row)} is missing in the table {index}."
                        self.problem("index_lacks", message, attendee_id=row[-1])
            self.expected[index] = []
        self.waiting = 0

    def check_surplus(self, index: IndexName, surplus: int) -> None:
        """Finds the rows that no document asks for; only when the numbers say that there are some."""
        for row in verification.read_index(self.connection, index, self.event_id):
            attendee = verification.find_attendee(self.connection, self.event_id, row[-1])
            if attendee is not None and row in _list_index_rows(attendee)[index]:
                continue
            message = f"The table {index} holds {_name_row(index, row)}, which no document asks for."
            self.problem("index_surplus", message, attendee_id=row[-1])
            surplus -= 1
            if not surplus:
                return


def _side_by_side(
    stored: Iterator[StoredAttendee], lines: Iterator[StoredChange]
) -> Iterator[tuple[StoredAttendee | None, Iterator[StoredChange]]]:
    """Every attendee that either knows, with his row and his lines; both come in the order of the ids.

    The lines have to be read before the next attendee is asked for.
    """
    row, line = next(stored, None), next(lines, None)

    def take(attendee_id: str) -> Iterator[StoredChange]:
        nonlocal line
        while line is not None and line.attendee_id == attendee_id:
            yield line
            line = next(lines, None)

    while row is not None or line is not None:
        attendee_id = min(one for one in (_id_of(row), _id_of_line(line)) if one is not None)
        history = take(attendee_id)
        if row is not None and row.id == attendee_id:
            yield row, history
            row = next(stored, None)
        else:
            yield None, history
        # What a caller has left over.
        for _ in history:
            pass


def _id_of(row: StoredAttendee | None) -> str | None:
    return None if row is None else row.id


def _id_of_line(line: StoredChange | None) -> str | None:
    return None if line is None else line.attendee_id


def _value_before(entry: Entry, before: Attendee | None) -> Any:
    """What an entry should have found. Silence of a source means no groups, and nobody expected."""
    said: Said[Any] | None = None
    if entry.what == "status":
        return before.status if before else None
    if entry.what == "groups":
        return before.group_numbers() if before else []
    if before is not None and entry.what in ("profile", "custom_field", "unknown_field"):
        said = {
            "profile": before.profile,
            "custom_field": before.custom_fields,
            "unknown_field": before.unknown_fields,
        }[entry.what].get(entry.key)  # type: ignore[arg-type]
    if entry.what == "pin":
        return before is not None and entry.key in before.pins
    if entry.what == "held":
        return before.held.get(entry.key) if before and isinstance(entry.key, int) else None
    if entry.what == "part_more_ids":
        return before.parts.get(entry.key, Part()).more_ids if before and isinstance(entry.key, int) else []
    if entry.what in _PLAIN:
        return getattr(before, entry.what) if before is not None else _PLAIN[entry.what]
    if before is not None and isinstance(entry.key, int) and entry.what in _PARTS:
        said = getattr(before.parts.get(entry.key, Part()), _PARTS[entry.what][0])
    unsaid = _PARTS[entry.what][1] if entry.what in _PARTS else None
    return unsaid if said is None else said.value


_PARTS: dict[str, tuple[str, Any]] = {
    "part_groups": ("groups", []),
    "part_expects": ("expects", False),
    "part_id": ("third_party_id", None),
}


_PLAIN: dict[str, Any] = {"aliases": [], "absorbed": [], "removed": False, "merged_into": None}


def _name_entry(entry: Entry) -> str:
    return entry.what if entry.key is None else f"{entry.what} {entry.key}"


def _list_differences(state: Attendee, folded: Attendee) -> list[str]:
    """Where two attendees differ, in names for people. Values stay out: they are somebody's."""
    simple = [
        name
        for name in (
            "status",
            "created_at",
            "updated_at",
            "sequence",
            "aliases",
            "pins",
            "held",
            "removed",
            "merged_into",
            "absorbed",
        )
        if getattr(state, name) != getattr(folded, name)
    ]
    deep = [
        f"{title} {key}"
        for title, of_state, of_log in (
            ("profile", state.profile, folded.profile),
            ("custom field", state.custom_fields, folded.custom_fields),
            ("unknown field", state.unknown_fields, folded.unknown_fields),
            ("part of source", state.parts, folded.parts),
        )
        for key in sorted(chain(of_state.keys() | of_log.keys()), key=str)
        if of_state.get(key) != of_log.get(key)  # type: ignore[call-overload]
    ]
    return simple + deep


def _list_unknown(what: str, numbers: Any, names: Names) -> list[str]:
    """Those numbers that have no name; what is no number is a field of the profile."""
    return [
        f"{what} {number}"
        for number in sorted(one for one in numbers if isinstance(one, int))
        if number not in names.by_number
    ]


def _list_index_rows(attendee: Attendee) -> dict[IndexName, list[tuple[Any, ...]]]:
    """The rows that the index tables hold of an attendee; the addresses of one that was merged are the other's."""
    addresses = {fold_case(address) for address in (attendee.email, *attendee.aliases)}
    return {
        "addresses": [] if attendee.merged_into else [(address, attendee.id) for address in sorted(addresses)],
        "memberships": [(number, attendee.id) for number in attendee.group_numbers()],
        "third_party_ids": [
            (source, third_party_id, attendee.id)
            for source in attendee.parts
            for third_party_id in attendee.ids_of(source)
        ],
    }


def _name_row(index: IndexName, row: tuple[Any, ...]) -> str:
    """A row for people; addresses and ids are somebody's and stay out."""
    if index == "memberships":
        return f"{row[1]} in group {row[0]}"
    what = "an address" if index == "addresses" else f"an id of source {row[0]}"
    return f"{what} of {row[-1]}"


def _text(attendee: Attendee, field: str) -> str | None:
    said = attendee.profile.get(field)
    return said.value if said else None
