"""A push tried before it is meant: what any text would do if a source sent it, and then exactly that."""

import msgspec

from turnout import errors
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.by_hand.policy_notes import PolicyNote, list_policy_notes
from turnout.feed.by_hand.replay import Original, read_original
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.parse.located import Tree, as_bytes, guess_content_type, locate
from turnout.feed.parse.marks import Mark, mark
from turnout.feed.parse.unpack import too_large
from turnout.feed.receipt import as_problem, as_receipt
from turnout.feed.submission import Foreseen, Item, Overlay
from turnout.model.event import Configuration
from turnout.model.policy import Policy
from turnout.model.receipt import AttendeeReference, Outcome, PathChange, ProblemDocument, Receipt
from turnout.model.source import Source
from turnout.now import new_id
from turnout.store.database import Database

MAX_TEXT_BYTES = 1 << 20
"""As a sender's body (B6), where nothing else is set."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What one text would do, looked at from all sides. Nothing of it has taken effect, and nothing of it is kept."""

    source: Source
    policy: Policy
    """The settings that hold for that source."""
    notes: list[PolicyNote]
    """What these did here."""
    tree: Tree
    marks: list[Mark]
    """Problems and warnings at their places in the text."""
    answer: Receipt | ProblemDocument
    """As the sender would get it."""
    status: int
    result: str
    """`created`, `updated`, `unchanged`, `suppressed` or `failed`."""
    changes: list[PathChange]
    """Field by field, with old values that the sender is not shown (D1)."""
    attendee: AttendeeReference | None
    """Whom it is about. Without an id where it would be somebody new; None where nobody can tell, or is meant."""
    digest: str
    """What to give to `apply`."""

    @property
    def is_applicable(self) -> bool:
        return self.result not in ("failed", "suppressed")

    @property
    def is_for_somebody_new(self) -> bool:
        return self.attendee is not None and self.attendee.id is None


def try_push(
    database: Database,
    configurations: Configurations,
    slug: str,
    source_number: int,
    text: str,
    *,
    actor: str,
    problems_url: str = "",
    content_type: str | None = None,
    original: Original | None = None,
    most_bytes: int = MAX_TEXT_BYTES,
) -> Trial:
    """What the text would do as a push of this source; it leaves not even a line in the push log.

    `original` is the stored push that the text was taken from, mended or not: then it is tried as its replay. Raises
    NotFound, Conflict for an archived event, a retired source and another source's original, BodyTooLarge and
    StorageUnavailable.
    """
    reading = _Reading(source_number, text, actor, content_type, original, most_bytes)
    overlay = Overlay(foreseen=[], leaves_lines=False)
    (outcome,) = hand_in(database, configurations, slug, reading.read, overlay)
    assert overlay.foreseen is not None
    assert reading.configuration is not None
    assert reading.item is not None
    tree = locate(text, reading.content_type)
    return _describe(outcome, overlay.foreseen[0], reading.configuration, reading.item, text, tree, problems_url)


def apply(
    database: Database,
    configurations: Configurations,
    slug: str,
    source_number: int,
    text: str,
    *,
    actor: str,
    digest: str,
    content_type: str | None = None,
    original: Original | None = None,
    most_bytes: int = MAX_TEXT_BYTES,
) -> Outcome:
    """What became of exactly what was tried: a push of this source, with the person as its actor.

    `digest` is the trial's. Raises what `try_push` does; Conflict also where the push would do something else by now
    than what the trial showed, and then nothing has taken effect and nothing is kept.
    """
    reading = _Reading(source_number, text, actor, content_type, original, most_bytes)
    (outcome,) = hand_in(database, configurations, slug, reading.read, expected=[digest])
    return outcome


class _Reading:
    """The text as it is read under what is set up now; the commit may ask for it again."""

    def __init__(
        self,
        source_number: int,
        text: str,
        actor: str,
        content_type: str | None,
        original: Original | None,
        most_bytes: int,
    ) -> None:
        self._source_number = source_number
        self._actor = actor
        self._original = original
        self._raw = as_bytes(text)
        if len(self._raw) > most_bytes:
            raise too_large(most_bytes)
        self.content_type = content_type or guess_content_type(text)
        self.configuration: Configuration | None = None
        self.item: Item | None = None

    def read(self, configuration: Configuration) -> list[Item]:
        if self._source_number not in configuration.sources:
            raise errors.NotFound("The event has no such source.")
        sender = as_sender(configuration, self._source_number, self._actor)
        replayed = None if self._original is None else self._original.push
        if replayed is not None and (replayed.event_id, replayed.source_number) != (
            configuration.event.id,
            self._source_number,
        ):
            raise errors.Conflict(f"The push {replayed.id} is of another source. Choose that one, or paste the text.")
        self.configuration = configuration
        if self._original is not None and self._original.body.encode() == self._raw:
            self.item = read_original(self._original, configuration, self._actor)
            return [self.item]
        self.item = read_item(
            new_id("psh"),
            decode(self._raw, self.content_type),
            sender,
            replay_of=None if replayed is None else replayed.id,
            # No truer than the original was, mended or not: what came since is newer (D7).
            observed_at=None if replayed is None else replayed.last_at,
        )
        return [self.item]


def _describe(
    outcome: Outcome,
    foreseen: Foreseen,
    configuration: Configuration,
    item: Item,
    text: str,
    tree: Tree,
    problems_url: str,
) -> Trial:
    policy, failure = item.sender.policy, outcome.failure
    answer: Receipt | ProblemDocument
    if failure is None:
        answer, status = as_receipt(outcome, minimal=False), 200
    else:
        answer = as_problem(
            failure, precise=policy.status_codes == "precise", problems_url=problems_url, push_id=outcome.push_id
        )
        status = answer.status
    return Trial(
        source=configuration.sources[item.sender.source_number],
        policy=policy,
        notes=list_policy_notes(item.push, policy, configuration.event.identity),
        tree=tree,
        marks=mark(text, failure.errors if failure else [], outcome.warnings, tree),
        answer=answer,
        status=status,
        result=outcome.result,
        changes=foreseen.changes,
        attendee=outcome.attendee,
        digest=foreseen.digest,
    )
