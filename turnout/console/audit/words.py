"""Lines of the audit log as sentences: "rotated a key of the source Shop". Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from turnout import errors
from turnout.access import audit
from turnout.model.user import AuditLine

# What somebody did; {} is what it was done to. A deed that is not here is shown by its own name.
DEEDS = {
    "user.sign_in": "signed in",
    "user.first": "became the first administrator",
    "user.join": "accepted the invitation",
    "user.new_password": "used the link for a new password",
    "user.first_link": "printed the link for the first administrator",
    "user.invite": "invited {}",
    "user.withdraw": "withdrew the invitation of {}",
    "user.link": "made a link for a new password of {}",
    "user.send_link": "sent a link by e-mail to {}",
    "user.role": "changed what {} may do",
    "user.events": "changed the events of {}",
    "user.disable": "disabled {}",
    "user.enable": "enabled {} again",
    "user.sign_out": "signed {} out everywhere",
    "user.end_session": "signed {} out of one browser",
    "account.rename": "changed their own name",
    "account.password": "changed their own password",
    "account.sign_out": "signed other browsers of theirs out",
    "token.create": "made the personal token {}",
    "token.revoke": "revoked the personal token {}",
    "event.create": "made the event {}",
    "event.archive": "archived the event {}",
    "event.unarchive": "brought the event {} back",
    "event.set": "changed settings of the event {}",
    "source.create": "made the source {}",
    "source.rename": "renamed the source {}",
    "source.set": "changed settings of the source {}",
    "source.go_live": "let the source {} go live",
    "source.rehearse": "put the source {} into rehearsal",
    "source.replay_rehearsed": "replayed what the source {} had rehearsed",
    "source.retire": "retired the source {}",
    "key.create": "made {}",
    "key.rotate": "rotated {}",
    "key.revoke": "revoked {}",
    "handout.create": "made a hand-out",
    "handout.revoke": "revoked a hand-out",
    "handout.give_again": "let a hand-out give its key again",
    "handout.show_key": "saw the key of a hand-out",
    "handout.send_csv": "sent a CSV file by a hand-out",
    "group.rename": "renamed the group {}",
    "group.set": "changed who may fill the group {}",
    "field.rename": "renamed the custom field {}",
    "webhook.create": "made the webhook {}",
    "webhook.pause": "paused the webhook {}",
    "webhook.resume": "resumed the webhook {}",
    "webhook.test": "sent a test to the webhook {}",
    "webhook.resend": "sent a delivery again to the webhook {}",
    "webhook.rotate": "gave a new secret to the webhook {}",
    "webhook.delete": "deleted the webhook {}",
    "alert.follow": "let {} follow the alerts",
    "alert.unfollow": "let {} follow the alerts no more",
    "alert.dismiss": "dismissed the alert: {}",
    "alert.set": "changed of what alerts tell",
    "alert.webhook_set": "set the webhook of the alerts",
    "alert.webhook_test": "sent a test to the webhook of the alerts",
    "alert.webhook_remove": "removed the webhook of the alerts",
    "digest.ask": "asked for a daily digest",
    "digest.stop": "stopped the daily digest",
    "signing_key.rotate": "rotated what tokens are signed with",
    "event.reindex": "made the index of lists anew for the event {}",
    "installation.backup": "made a backup",
    "installation.restore": "restored all of this from a backup",
    "installation.migrate": "moved all of this to another database",
    "installation.migrate_back": "went back to the database from before the move",
    "installation.accept_key": "went on with another secret key",
    "mail.set": "set up e-mail",
    "mail.test": "sent a test message by e-mail",
    "mail.remove": "removed the mail server",
    "push.apply": "pushed by hand",
    "push.replay": "replayed a push",
    "pushes.hand_in": "pushed a file of attendees",
    "pushes.list": "read many pushes",
    "pushes.replay": "replayed pushes",
    "pushes.replay_stop": "stopped a replay",
    "attendee.pin": "pinned a field of an attendee",
    "attendee.unpin": "unpinned a field of an attendee",
    "attendee.hold": "put an attendee in or out of a group by hand",
    "attendee.remove": "withdrew an attendee",
    "attendee.bring_back": "brought an attendee back who was withdrawn by hand",
    "attendee.rename": "gave an attendee another address",
    "attendee.merge": "merged an attendee into another one",
    "attendee.erase": "erased an attendee",
    "attendee.lift": "let sources bring somebody again who was erased",
    "attendees.list": "read many attendees",
    "attendees.export": "exported attendees",
    "attendees.fetch": "fetched a file of attendees",
    "attendees.export_delete": "deleted a file of attendees",
    "changes.read": "read many changes",
}
# What a value in a line is called, where the name is not words already.
_FIELDS = {
    "seesPersonal": "sees names and addresses",
    "allEvents": "all events",
    "sessionsEnded": "browsers signed out",
    "overlapHours": "hours in which both keys work",
    "newSource": "new source",
    "staffOnly": "for staff only",
    "errorPercent": "told from so many % of failed pushes on",
    "fallPercent": "told from a fall by so many % on",
    "keyDays": "days before a key expires",
    "off": "not told of",
    "userName": "user name",
    "senderName": "sender’s name",
    "timeZone": "time zone",
    "by": "with",
    "madeAt": "made at",
    "atOnce": "the former keys are worthless at once",
    "noLongerSuppressed": "erased people who can come back",
}
_ANYTHING = {"user": "somebody", "key": "a key"}
_NAMING = ("name", "label", "email", "slug", "url")


class Names(msgspec.Struct, frozen=True):
    """What the ids in the lines are called now."""

    users: Mapping[str, str]
    """By id, and by address."""
    things: Mapping[str, str]
    """Events, sources, keys, by id."""
    sources: Mapping[tuple[str, int], str]
    """By the event's id and the source's number."""
    handouts: Mapping[str, str] = {}
    """For whom each was made, by id."""


class Sentence(msgspec.Struct, frozen=True):
    """One line as people read it."""

    line: AuditLine
    who: str
    deed: str
    target: str
    """What stands in the deed's place of `{}`."""
    event: str
    changes: list[dict[str, object]]
    """Rows of before and after, where there was a before."""
    facts: list[tuple[str, object]]
    """What is known of it where nothing was there before."""
    refused: str = ""
    """Why nothing came of it."""


def write(line: AuditLine, names: Names) -> Sentence:
    before, after = line.before or {}, line.after or {}
    refused = ""
    if line.outcome == "refused":
        kind = errors.BY_CODE.get(str(after.get("code")))
        refused, after = "It was refused." if kind is None else f"{kind.title}.", {}
    return Sentence(
        line=line,
        who=_find_who(line, names),
        deed=DEEDS.get(line.action) or f"{_say_action(line.action)} {{}}",
        target=_find_target(line, names),
        event=names.things.get(line.event_id, line.event_id),
        changes=list(_list_changes(line, before, after, names)) if before else [],
        facts=[] if before else list(_list_facts(line, after, names)),
        refused=refused,
    )


def name_deed(action: str) -> str:
    """For a list to choose from: `made the event …`."""
    words = DEEDS.get(action) or _say_action(action)
    return words.replace("{}", _ANYTHING.get(action.partition(".")[0], "…"))


def _say_action(action: str) -> str:
    return action.replace("_", " ").replace(".", ": ")


def _list_changes(
    line: AuditLine, before: Mapping[str, Any], after: Mapping[str, Any], names: Names
) -> Iterator[dict[str, object]]:
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if old != new:
            yield {
                "path": _name(key),
                "old": _say(old, line, names, key),
                "new": _say(new, line, names, key),
            }


def _list_facts(line: AuditLine, after: Mapping[str, Any], names: Names) -> Iterator[tuple[str, object]]:
    for key, value in after.items():
        if value not in (None, "", []) and value is not False and value != _find_target(line, names):
            yield _name(key), _say(value, line, names, key)


def _name(key: str) -> str:
    return _FIELDS.get(key) or key.replace("_", " ")


def _find_who(line: AuditLine, names: Names) -> str:
    if line.action == "user.first":
        # By a link that everybody who has it may use: who it was is who came of it.
        return names.users.get(line.target or "", "Somebody")
    if line.actor == audit.NOBODY and line.action.startswith("handout."):
        label = names.handouts.get(line.target or "")
        return f"Whoever has the link ({label})" if label else "Whoever has the link"
    return names.users.get(line.user_id or line.actor, line.actor)


def _find_target(line: AuditLine, names: Names) -> str:
    target = line.target or ""
    if target.startswith("usr_"):
        return names.users.get(target, "a user")
    if target in names.things:
        return names.things[target]
    for known in (line.after or {}, line.before or {}):
        for naming in _NAMING:
            if isinstance(known.get(naming), str):
                return str(known[naming])
    return _ANYTHING.get(line.action.partition(".")[0], "")


def _say(value: Any, line: AuditLine, names: Names, key: str) -> object:
    """A value with names in place of ids."""
    if key == "source" and isinstance(value, int):
        return names.sources.get((line.event_id, value), value)
    if isinstance(value, list):
        return [names.things.get(one, one) if isinstance(one, str) else one for one in value]
    if isinstance(value, str):
        return names.things.get(value, value)
    return value
