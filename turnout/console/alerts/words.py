"""The kinds of alerts in words, for who chooses of what they are told. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from turnout.model.alert import MIN_ERRORS, MIN_FALL, AlertKind, AlertMessage


class Words(msgspec.Struct, frozen=True):
    """One kind."""

    title: str
    sentence: str
    drawing: str
    mood: str
    """`bad`, `warn` or `info`."""


KINDS: Mapping[AlertKind, Words] = {
    "errors": Words(
        "Pushes fail",
        f"Within an hour so many of a source’s pushes do, and at least {MIN_ERRORS}.",
        "cross",
        "bad",
    ),
    "silent": Words(
        "A source goes silent", "It usually sends, and has not for longer than is usual for it.", "clock", "warn"
    ),
    "refused_key": Words(
        "A key is refused",
        "Somebody keeps sending with a key that this event does not take, or with none: nothing of it arrives.",
        "key",
        "bad",
    ),
    "falling": Words(
        "A group or a field falls",
        f"Within a day so many people leave it, or lose their value of it, and at least {MIN_FALL}.",
        "fall",
        "warn",
    ),
    "key_expiring": Words(
        "A key is about to expire", "What sends with it would be refused from then on.", "key", "warn"
    ),
    "webhook": Words(
        "A webhook fails", "Its address does not take what it is told, or it was switched off.", "send", "bad"
    ),
    "unknown_field": Words(
        "An unknown field comes",
        "A source begins to send a field that nothing is done with. Told once.",
        "info",
        "info",
    ),
    "first_push": Words(
        "A source sends its first push", "Whoever connects it is through. Told once.", "pushes", "info"
    ),
}
"""In the order of a form: what hurts first."""


class Number(msgspec.Struct, frozen=True):
    """A number that goes with a kind."""

    name: str
    label: str
    unit: str


NUMBERS: Mapping[AlertKind, Number] = {
    "errors": Number("error_percent", "From", "% of the pushes"),
    "falling": Number("fall_percent", "From", "% of the people"),
    "key_expiring": Number("key_days", "From", "days before"),
}


def say_told(messages: Sequence[AlertMessage]) -> str:
    """Who was told, and what stands in the way, in a sentence or two; empty where there was nobody to tell."""
    mails = [one for one in messages if one.user_id is not None]
    said = []
    if sent := sum(one.state == "sent" for one in mails):
        said.append(f"{sent:,} {'person was' if sent == 1 else 'people were'} told by e-mail")
    if waiting := [one for one in mails if one.state == "waiting"]:
        said.append(f"{len(waiting):,} {'mail waits' if len(waiting) == 1 else 'mails wait'}{_say_why(waiting)}")
    if lost := [one for one in mails if one.state == "given_up"]:
        said.append(f"{len(lost):,} {'mail' if len(lost) == 1 else 'mails'} could not be sent{_say_why(lost)}")
    for one in messages:
        if one.user_id is None:
            what = {"sent": "was told", "waiting": "is tried again" if one.tries else "is told now"}.get(
                one.state, "could not be told"
            )
            said.append(f"the webhook {what}{'' if one.state == 'sent' else _say_why([one])}")
    text = "; ".join(said)
    return text[:1].upper() + text[1:]


def _say_why(messages: Sequence[AlertMessage]) -> str:
    failure = next((one.failure for one in messages if one.failure), None)
    return "" if failure is None else f": {failure.rstrip('.')}"
