"""Keys: new ones, each shown once; rotated, revoked."""

from turnout import errors
from turnout.changes.attendee_view import SHOWN_FIELDS
from turnout.console.connect import look
from turnout.console.page import Visit
from turnout.events import keys, sources
from turnout.events.keys import IssuedKey
from turnout.feed.receipt import Answer
from turnout.model.event import DAY_US
from turnout.model.key import Key
from turnout.now import now_us

HOUR_US = 3_600 * 1_000_000
OVERLAPS = {"0": "ends at once", "1": "1 hour", "24": "24 hours", "168": "7 days"}
"""By hours."""
_OVERLAP_AS_A_RULE = "24"
EXPIRES = {"": "never", "1": "in 1 day", "7": "in 7 days", "30": "in 30 days", "90": "in 90 days", "365": "in 1 year"}
"""By days."""
MAX_CHOICES = 200
"""Groups, and as many custom fields, that can be chosen from."""


def create(visit: Visit) -> Answer:
    """Another key of a source, for somebody who needs no hand-out."""
    assert visit.configuration is not None
    source = look.get_source(visit.configuration, visit.places["source"])
    sources.check_open(source)
    with visit.acting("key.create") as deed:
        issued = keys.create(visit.database, visit.event.id, source=source.name)
        deed.target, deed.after = issued.key.id, {"source": source.number}
    return _show(visit, issued, f"The new key of {source.name}", "The keys that there were stay good.")


def ask_rotate(visit: Visit) -> Answer:
    key = _get(visit)
    return visit.render("rotate.html", key=key, overlaps=list(OVERLAPS.items()), back=_way_back(visit, key))


def rotate(visit: Visit) -> Answer:
    key = _get(visit)
    hours = visit.form.get("overlap", "")
    hours = hours if hours in OVERLAPS else _OVERLAP_AS_A_RULE
    overlap_us = int(hours) * HOUR_US
    with visit.acting("key.rotate", target=key.id) as deed:
        issued = keys.rotate(visit.database, key.id, overlap_us)
        deed.after = {"key": issued.key.id, "overlapHours": overlap_us // HOUR_US}
    ends = f"The old key is good for another {OVERLAPS[hours]}." if overlap_us else "The old key has ended."
    return _show(visit, issued, f"The new key of {key.label}", ends)


def ask_revoke(visit: Visit) -> Answer:
    key = _get(visit)
    return visit.render("revoke.html", key=key, back=_way_back(visit, key))


def revoke(visit: Visit) -> Answer:
    key = _get(visit)
    with visit.acting("key.revoke", target=key.id):
        keys.revoke(visit.database, key.id)
    said = f"The key of {key.label} is revoked: whoever uses it is refused from now on."
    return visit.redirect(_find_way_back(visit, key), said)


def show_new_read_key(visit: Visit) -> Answer:
    return _render_new(visit)


def create_read_key(visit: Visit) -> Answer:
    label, expires = visit.form.get("label", "").strip(), visit.form.get("expires", "")
    groups, fields = visit.form_list("groups"), visit.form_list("fields")
    if not label or len(label) > sources.MAX_NAME:
        return _render_new(visit, status=422, label_error=f"A name has 1 to {sources.MAX_NAME} characters.")
    is_limited = {name: visit.form.get(f"limit_{name}") == "some" for name in ("groups", "fields")}
    for name, chosen in (("groups", groups), ("fields", fields)):
        if is_limited[name] and not chosen:
            return _render_new(visit, status=422, **{f"{name}_error": "Choose at least one, or all of them."})
    try:
        with visit.acting("key.create") as deed:
            issued = keys.create(
                visit.database,
                visit.event.id,
                label=label,
                scope="read",
                expires_in_us=int(expires) * DAY_US if expires in EXPIRES and expires else None,
                groups=groups if is_limited["groups"] else None,
                fields=fields if is_limited["fields"] else None,
            )
            deed.target = issued.key.id
            deed.after = {"scope": "read", "groups": issued.key.groups, "fields": issued.key.fields}
    except errors.InvalidRequest as error:
        return _render_new(visit, status=422, label_error=error.detail)
    return _show(
        visit, issued, f"The read key {label}", "Whoever has it can read this event's attendees, and change nothing."
    )


def _render_new(
    visit: Visit, *, status: int = 200, label_error: str = "", groups_error: str = "", fields_error: str = ""
) -> Answer:
    assert visit.configuration is not None
    groups = [name.name for name in visit.configuration.groups.by_number.values()]
    custom = [name.name for name in visit.configuration.custom_fields.by_number.values()]
    return visit.render(
        "new_read_key.html",
        status=status,
        label=visit.form.get("label", ""),
        expires=visit.form.get("expires", ""),
        all_expires=list(EXPIRES.items()),
        groups=groups[:MAX_CHOICES],
        fields=["email", *SHOWN_FIELDS, *custom[:MAX_CHOICES]],
        limits={name: visit.form.get(f"limit_{name}", "all") for name in ("groups", "fields")},
        chosen={"groups": visit.form_list("groups"), "fields": visit.form_list("fields")},
        label_error=label_error,
        groups_error=groups_error,
        fields_error=fields_error,
    )


def _show(visit: Visit, issued: IssuedKey, title: str, sentence: str) -> Answer:
    """The key, at the only moment when anybody can see it."""
    return visit.render(
        "key.html",
        title=title,
        sentence=sentence,
        key=issued.key,
        text=issued.text,
        gateway=visit.event.gateway(visit.product.public_url),
        back=visit.way(_find_way_back(visit, issued.key)),
    )


def _get(visit: Visit) -> Key:
    """The key in the path, which is this event's. Raises NotFound, and Conflict where it is over."""
    assert visit.configuration is not None
    key = look.get_key(visit.configuration, visit.places["key"])
    if not key.is_good(now_us()):
        raise errors.Conflict(f"The key of {key.label} is {keys.state_of(key, now_us())} already.")
    return key


def _way_back(visit: Visit, key: Key) -> str:
    return visit.way(_find_way_back(visit, key))


def _find_way_back(visit: Visit, key: Key) -> str:
    way = f"events/{visit.event.slug}/connect"
    return way if key.source_number is None else f"{way}/sources/{key.source_number}"
