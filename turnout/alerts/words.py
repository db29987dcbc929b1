"""What an alert says to people: a title, the figures, what to do, and the page of the console where it is mended. Pure.

For mails, webhooks, the console and the command line alike, and for readers who write no code.
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlencode

import msgspec

from turnout.events.usual import find_zone
from turnout.explained import PROBLEMS, summarize
from turnout.model.alert import Alert, AlertKind, Facts
from turnout.model.event import DAY_US, Configuration

MAX_TITLE = 70
_MAX_NAME = 32
"""Of a name within a title; longer ones are cut."""
_HOUR_US = 3_600 * 1_000_000


class Told(msgspec.Struct, frozen=True):
    """An alert in words."""

    title: str
    text: str
    """One or two sentences, with the figures."""
    advice: str
    way: str
    """From the root of the installation to the page of the console that mends it: `console/events/…`."""
    label: str
    """Of that link."""


def describe(alert: Alert, configuration: Configuration) -> Told:
    """The alert in words, with names as they are now."""
    told = _WORDS[alert.kind](alert, configuration)
    return msgspec.structs.replace(told, title=_cut(told.title, MAX_TITLE))


def _first_push(alert: Alert, configuration: Configuration) -> Told:
    source, when = _source(alert, configuration), _when(alert, "at", configuration)
    if alert.facts.get("rehearsed"):
        text = f"What {source} had sent in its rehearsal took effect {when}."
    else:
        text = f"The first push of {source} that took effect arrived {when}."
    return Told(
        f"The first push of {_cut(source)} took effect",
        text,
        "Look whether it says what you expect: names, groups, custom fields.",
        _pushes(alert, configuration),
        "See what it sent",
    )


def _silent(alert: Alert, configuration: Configuration) -> Told:
    source = _source(alert, configuration)
    hours, usually = _number(alert.facts, "hours"), _number(alert.facts, "usually")
    when = alert.facts.get("when")
    return Told(
        f"{_cut(source)} has been silent for {_count_hours(hours)}",
        f"The last push of {source} came {_when(alert, 'last', configuration)}. It usually sends about "
        f"{_count(usually, 'push', 'pushes')} in an hour{f' {when}' if when else ''}.",
        "Ask whoever runs the system whether its job still runs and its key was changed. If nothing more is to come "
        "from it, retire the source.",
        _source_page(alert, configuration),
        "Look at this source",
    )


def _errors(alert: Alert, configuration: Configuration) -> Told:
    source, facts = _source(alert, configuration), alert.facts
    failed, pushes, percent = (_number(facts, name) for name in ("failed", "pushes", "percent"))
    code = str(facts.get("code", ""))
    why = ""
    if code:
        where = f", at {facts['path']}" if "path" in facts else ""
        why = f" The commonest reason{where}: {summarize(code) or f'{code}.'}"
    return Told(
        f"{_cut(source)}: {_of(failed, pushes)} failed",
        f"Within an hour {_of(failed, pushes)} of {source} failed, {percent} %.{why} None of them is lost.",
        f"Open one of them: it says what was wrong and what to do. {_say_again(code)}",
        _pushes(alert, configuration, result="failed", effect="live"),
        "See the failed pushes",
    )


def _say_again(code: str) -> str:
    """What makes pushes that failed for this reason take effect."""
    if code in _MENDED_HERE:
        return "Once that is mended in the event, replay them all."
    if any(code in explanations for explanations in PROBLEMS.values()):
        return (
            "It lies in what was sent, and a replay would fail again: have the sender mend it and send them again, or "
            "mend one here and try it."
        )
    return "What lies in what was sent the sender mends and sends again; what settings mend you replay here."


_MENDED_HERE = frozenset(("ambiguous_email", "too_many_custom_fields", "too_many_groups"))
"""Problems that what is set up of the event can take away."""


def _unknown_field(alert: Alert, configuration: Configuration) -> Told:
    source, facts = _source(alert, configuration), alert.facts
    path, more = str(facts.get("path", "")), _number(facts, "more")
    text = f"{source} sends {path}, which is the name of no field."
    if more:
        others = str(facts.get("others", ""))
        rest = more - (others.count(", ") + 1 if others else 0)
        text = f"{source} sends {path}, {others}{f' and {rest:,} more' if rest > 0 else ''}: these name no field."
    if "meant" in facts:
        text += f" Probably {facts['meant']} is meant."
    return Told(
        f"{_cut(source)} sends {'unknown fields' if more else f'the unknown field {_cut(path)}'}",
        f"{text} It is kept, but not in the attendee’s profile.",
        "If it is wanted, have it sent under the name of a field, or as a custom field. Else there is nothing to do.",
        # A search is for one path, up to where it counts.
        _pushes(alert, configuration, code="unknown_field", **({} if more else {"path": path.partition("[")[0]})),
        "See the pushes that have it",
    )


def _falling(alert: Alert, configuration: Configuration) -> Told:
    facts = alert.facts
    before, now, lost, more = (_number(facts, name) for name in ("before", "now", "lost", "more"))
    kind, name = _name_about(str(facts.get("about", "")), configuration)
    slug = configuration.event.slug
    figures = f"from {before:,} to {now:,} people"
    if kind == "people":
        title = f"{_count(lost, 'person', 'people')} left within a day"
        text = f"Those who are expected went {figures} within a day: sources no longer expect the others."
        way = _way(slug, "attendees", status="withdrawn")
        label = "See who left"
    elif kind == "group":
        title = f"The group {_cut(name)} fell from {before:,} to {now:,}"
        text = f"The group {name} went {figures} within a day."
        way = _way(slug, "attendees", group=name)
        label = "See who is still in it"
    else:
        title = f"{_cut(name)} was emptied for {_count(lost, 'person', 'people')}"
        text = f"Those with a value in the field {name} went {figures} within a day."
        way = _way(slug, "pushes", result="updated")
        label = "See the latest changes"
    if more:
        text += f" {_count(more, 'other group or field', 'other groups and fields')} fell with it."
    advice = (
        "If that was not meant, look at the latest pushes: a source that sends empty fields or shorter lists of groups "
        "does that. The history of each person has the values as they were."
    )
    return Told(title, text, advice, way, label)


def _key_expiring(alert: Alert, configuration: Configuration) -> Told:
    facts = alert.facts
    key = configuration.keys.get(str(facts.get("key")))
    label = key.label if key is not None else str(facts.get("label", ""))
    expires_at = _number(facts, "expires")
    is_over = expires_at <= alert.seen_at
    source = _source(alert, configuration) if "source" in facts else None
    whose = f"the key {label}" if source is None or source == label else f"the key {label} of {source}"
    until = _when(alert, "expires", configuration)
    left = _count_days(max(0, expires_at - alert.seen_at))
    if is_over:
        title, text = f"A key of {_cut(source or label)} has expired", f"{_upper(whose)} expired {until}."
    else:
        title = f"A key of {_cut(source or label)} expires in {left}"
        text = f"{_upper(whose)} expires {until}, and is in use."
    if facts.get("rotated"):
        text += " It was rotated, but the new key is not used by everybody yet."
        advice = "Put the new key into the system that still sends with the old one."
    elif is_over:
        text += " What is sent with it is refused."
        advice = "Make a new key and put it into the system that sends."
    else:
        advice = "Rotate the key, and put the new one into the system in time: both are good for a while."
    return Told(title, text, advice, _source_page(alert, configuration), "Rotate the key")


def _refused_key(alert: Alert, configuration: Configuration) -> Told:
    facts = alert.facts
    times = _number(facts, "times")
    refused = f"{_count(times, 'request', 'requests')} {'was' if times == 1 else 'were'} refused"
    where = f"from {_count(_number(facts, 'addresses'), 'address', 'addresses')}"
    since = f"Since {_when(alert, 'since', configuration).removeprefix('on ')} {refused}, {where}"
    title, why, advice = (_of_key if "key" in facts else _of_others)(alert, configuration)
    return Told(
        title,
        f"{since}: {why} What they held is not stored.",
        advice,
        _source_page(alert, configuration),
        "See sources and keys" if facts.get("source") is None else "See the keys of this source",
    )


def _of_key(alert: Alert, configuration: Configuration) -> tuple[str, str, str]:
    """Of a key of the event: the title, why it is refused, and what to do."""
    facts = alert.facts
    state = facts.get("state")
    key = configuration.keys.get(str(facts["key"]))
    label = key.label if key is not None else str(facts.get("label", ""))
    source = _source(alert, configuration) if "source" in facts else None
    whose = f"the key {label}" if source is None or source == label else f"the key {label} of {source}"
    short = _cut(source or label)
    if state in ("revoked", "expired"):
        if facts.get("another"):
            advice = "Put the new key of this source into the system that still sends with the old one"
        else:
            advice = "If it should still send, make a new key for it and put that into the system"
        return f"The {state} key of {short} is still used", f"{whose} is {state}.", f"{advice}, or have it stop."
    if state == "read":
        return (
            f"Requests with the key of {short} are refused",
            f"{whose} is one to read with, and they want to send, or it was not copied whole.",
            "Give whoever sends a key to send with, by a hand-out, and have them copy the whole of it.",
        )
    return (
        f"The key of {short} is sent with a mistake",
        f"{whose} is good, but what came is not the whole of it.",
        "Ask whoever sets up the sender to copy the whole key again, or hand out a new one.",
    )


def _of_others(alert: Alert, configuration: Configuration) -> tuple[str, str, str]:
    """Of keys that are none of the event, and of none."""
    state, keys = alert.facts.get("state"), _number(alert.facts, "keys")
    name = configuration.event.name
    none = "no key came with them, or what came is no key of Turnout."
    if state == "missing":
        return (
            "Requests come without a key",
            none,
            "Keys begin with trn_ and go into the header Api-Key: ask whoever sets up the sender to add it.",
        )
    if state == "elsewhere":
        return (
            f"Somebody sends to {_cut(name)} with a key of another event",
            f"{'the key is' if keys == 1 else 'the keys are'} of another event here, and no good for {name}.",
            "Ask whoever sets up the sender for which event it is, and hand out that one’s address and key together.",
        )
    which = "a key that this event does not have" if keys <= 1 else f"{keys:,} keys that this event does not have"
    why = f"they came with {which}{', or with none' if state == 'both' else ''}."
    if keys > _FEW_KEYS:
        advice = (
            "Nobody gets in by guessing: keys are too long for that, and who is refused is answered later each time. "
            "If it should be one of your senders, hand out a key."
        )
        return "Somebody tries unknown keys", why, advice
    advice = "Ask whoever sets up the sender to copy the key again, or hand out a new one."
    return "Somebody sends with an unknown key", why, advice


_FEW_KEYS = 3
"""So many are mistyped, or of a former event; who tries more guesses."""


def _webhook(alert: Alert, configuration: Configuration) -> Told:
    facts = alert.facts
    host = str(facts.get("host", ""))
    is_off = facts.get("state") == "off"
    waiting = _number(facts, "waiting")
    failure = str(facts.get("failure", "")).rstrip(".")
    its = f"The webhook to {host}" + (", which is for all events," if facts.get("everywhere") else "")
    if is_off:
        title = f"The webhook to {_cut(host)} was switched off"
        text = (
            f"{its} was switched off{f': {failure}' if failure else ''}. What happens waits, and is sent when it is on."
        )
        advice = "Find out whether the address still exists. Then resume the webhook, or delete it."
    else:
        title = f"The webhook to {_cut(host)} fails"
        said = f": {failure}" if failure else ""
        text = (
            f"{its} has not taken anything for a while{said}. {_count(waiting, 'delivery waits', 'deliveries wait')}."
        )
        advice = (
            "Have whoever receives it look at it. Deliveries are tried again for days, and nothing has to be done then."
        )
    way = _way(configuration.event.slug, f"settings/webhooks/{facts.get('webhook', '')}")
    return Told(title, text, advice, way, "Look at the webhook")


_WORDS: dict[AlertKind, Callable[[Alert, Configuration], Told]] = {
    "first_push": _first_push,
    "silent": _silent,
    "errors": _errors,
    "refused_key": _refused_key,
    "unknown_field": _unknown_field,
    "falling": _falling,
    "key_expiring": _key_expiring,
    "webhook": _webhook,
}


def _source(alert: Alert, configuration: Configuration) -> str:
    source = configuration.sources.get(_number(alert.facts, "source"))
    return "A source" if source is None else source.name


def _name_about(about: str, configuration: Configuration) -> tuple[str, str]:
    """What kind of thing it is, and its name."""
    kind, _, key = about.partition(":")
    names = {"group": configuration.groups, "custom_field": configuration.custom_fields}.get(kind)
    if names is not None:
        name = names.by_number.get(int(key))
        return kind, key if name is None else name.name
    return kind, key


def _pushes(alert: Alert, configuration: Configuration, **asked: str) -> str:
    return _way(configuration.event.slug, "pushes", **asked, source=_source(alert, configuration))


def _source_page(alert: Alert, configuration: Configuration) -> str:
    number = alert.facts.get("source")
    return _way(configuration.event.slug, "connect" if number is None else f"connect/sources/{number}")


def _way(slug: str, page: str, **asked: str) -> str:
    query = urlencode(asked, quote_via=quote)
    return f"console/events/{slug}/{page}" + (f"?{query}" if query else "")


def _when(alert: Alert, fact: str, configuration: Configuration) -> str:
    """`on 3 June at 14:05 (Europe/Berlin)`, as clocks at the event have it."""
    zone = configuration.event.time_zone
    at = datetime.fromtimestamp(_number(alert.facts, fact) // 1_000_000, find_zone(zone))
    return f"on {at.day} {at:%B} at {at:%H:%M} ({zone})"


def _count_hours(hours: int) -> str:
    return f"{hours} h" if hours < 48 else _count(hours // 24, "day", "days")


def _count_days(left: int) -> str:
    return f"{left // _HOUR_US} h" if left < 2 * DAY_US else f"{left // DAY_US} days"


def _of(failed: int, pushes: int) -> str:
    return f"{failed:,} of {_count(pushes, 'push', 'pushes')}" if failed < pushes else _all(pushes)


def _all(pushes: int) -> str:
    return "the only push" if pushes == 1 else f"all {pushes:,} pushes"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _number(facts: Facts, name: str) -> int:
    fact = facts.get(name, 0)
    return fact if isinstance(fact, int) else 0


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str, most: int = _MAX_NAME) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
