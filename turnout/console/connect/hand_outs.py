"""Handing out: a link for whoever connects a system, shown once; taken back, or good for another key."""

from turnout import errors
from turnout.console.connect import look, tools
from turnout.console.page import Visit
from turnout.console.shown import as_time
from turnout.events import handouts, sources
from turnout.feed.receipt import Answer
from turnout.model.event import DAY_US
from turnout.model.handout import Handout
from turnout.model.source import Source
from turnout.now import now_us
from turnout.recipes import get_recipe
from turnout.store import events

EXPIRES = {
    "1": "1 day",
    "3": "3 days",
    "7": "7 days",
    "14": "14 days",
    "30": "30 days",
    "90": "90 days",
    "365": "1 year",
}
_EXPIRES_AS_A_RULE = str(handouts.EXPIRES_IN_US // DAY_US)


def show_new(visit: Visit) -> Answer:
    """With `source`, the number of one that is there, for another hand-out of it."""
    return _render_new(visit, source=_find_given(visit, visit.query.get("source", "")))


def create(visit: Visit) -> Answer:
    """The link, which no other page shows; where there can be none, the form once more."""
    name, tool = visit.form.get("name", "").strip(), visit.form.get("tool", "")
    label, expires = visit.form.get("label", "").strip(), visit.form.get("expires", "")
    given = _find_given(visit, visit.form.get("source", ""))
    mistakes = {} if given is not None else _check_name(visit, name)
    if not any(one.name == tool for one in tools.list_tools()):
        mistakes["tool"] = "Choose what the other side works with."
    if len(label) > handouts.MAX_LABEL:
        mistakes["label"] = f"At most {handouts.MAX_LABEL} characters."
    if mistakes:
        return _render_new(
            visit, status=422, source=given, name=name, tool=tool, label=label, expires=expires, mistakes=mistakes
        )
    recipe = get_recipe(tool)
    with visit.acting("handout.create") as deed:
        handout, text = handouts.create(
            visit.database,
            visit.event.id,
            name if given is None else given.name,
            recipe.name,
            label=label,
            settings=recipe.settings,
            expires_in_us=int(expires if expires in EXPIRES else _EXPIRES_AS_A_RULE) * DAY_US,
            actor=visit.signed_in.email,
        )
        deed.target = handout.id
        deed.after = {"source": handout.source_number, "tool": tool, "newSource": given is None}
    return _render_created(visit, handout, text, given)


def ask_revoke(visit: Visit) -> Answer:
    line = _get(visit)
    return visit.render(
        "ask.html",
        title="Revoke this hand-out?",
        sentence=f"Its link opens nothing from then on. {_say_key_stays(line)}",
        yes="Revoke the hand-out",
        action=visit.path,
        back=visit.way(_way(visit, line.source)),
    )


def revoke(visit: Visit) -> Answer:
    line = _get(visit)
    with visit.acting("handout.revoke", target=line.handout.id):
        handouts.revoke(visit.database, visit.event.id, line.handout.id)
    return visit.redirect(
        _way(visit, line.source), f"The hand-out is revoked: its link opens nothing. {_say_key_stays(line)}"
    )


def ask_give_again(visit: Visit) -> Answer:
    line = _get(visit)
    return visit.render(
        "ask.html",
        title="Let the page show a new key?",
        sentence="The same link shows a new key, once, to whoever asks first. The key that it has shown ends at once: "
        "what sends with it is refused until it has the new one.",
        yes="End the old key, allow a new one",
        action=visit.path,
        back=visit.way(_way(visit, line.source)),
    )


def give_again(visit: Visit) -> Answer:
    line = _get(visit)
    with visit.acting("handout.give_again", target=line.handout.id) as deed:
        deed.before = {"key": line.handout.key_id}
        handouts.give_again(visit.database, visit.event.id, line.handout.id)
    return visit.redirect(_way(visit, line.source), "The page shows a new key, once, to whoever asks first.")


def _render_new(
    visit: Visit,
    *,
    status: int = 200,
    source: Source | None,
    name: str = "",
    tool: str = "",
    label: str = "",
    expires: str = _EXPIRES_AS_A_RULE,
    mistakes: dict[str, str] | None = None,
) -> Answer:
    return visit.render(
        "new.html",
        status=status,
        source=source,
        name=name,
        tool=tool,
        label=label,
        expires=expires,
        all_expires=list(EXPIRES.items()),
        tools=tools.list_tools(),
        mistakes=dict.fromkeys(("name", "tool", "label"), "") | (mistakes or {}),
    )


def _render_created(visit: Visit, handout: Handout, text: str, given: Source | None) -> Answer:
    with visit.database.read() as connection:
        configuration = events.load_configuration(connection, visit.event.id)
    assert configuration is not None
    source = configuration.sources[handout.source_number]
    recipe = get_recipe(handout.tool)
    link = f"{visit.product.public_url}/console/h/{text}"
    rehearses = look.is_rehearsing(configuration, source)
    return visit.render(
        "created.html",
        handout=handout,
        source=source,
        tool=recipe.title,
        link=link,
        letter=_write_letter(visit, handout, source.name, link, rehearses=rehearses),
        rehearses=rehearses,
        unsuited=[] if given is None else tools.say_unsuited(recipe, source.policy.over(configuration.event.policy)),
    )


def _write_letter(visit: Visit, handout: Handout, source: str, link: str, *, rehearses: bool) -> str:
    until = as_time(handout.expires_at, visit.event.time_zone)
    sentences = [
        "Hello,",
        f"please connect {source} to {visit.event.name}. On this page are the address, your key and the steps:",
        link,
        f"You need no account. The key is shown once, when you ask for it there. The link is good until {until}.",
        "Please pass it on to nobody.",
    ]
    if rehearses:
        sentences.append("You cannot break anything: what you send changes nothing until we let it go live.")
    return "\n\n".join([*sentences, visit.signed_in.name or visit.signed_in.email])


def _find_given(visit: Visit, number: str) -> Source | None:
    """Raises NotFound, and Conflict where it is retired."""
    if not number:
        return None
    assert visit.configuration is not None
    source = look.get_source(visit.configuration, number)
    sources.check_open(source)
    return source


def _check_name(visit: Visit, name: str) -> dict[str, str]:
    assert visit.configuration is not None
    if not name or len(name) > sources.MAX_NAME:
        return {"name": f"A name has 1 to {sources.MAX_NAME} characters."}
    known = sources.find_source(visit.configuration, name)
    if known is None:
        return {}
    if known.retired_at is not None:
        return {"name": f"There was a source {known.name}, which is retired. Choose another name."}
    return {"name": f"There is a source {known.name} already. Hand it out on its own page, or choose another name."}


def _get(visit: Visit) -> look.HandoutLine:
    """The hand-out in the path. Raises NotFound."""
    assert visit.configuration is not None
    listed = look.list_handouts(visit.database, visit.configuration)
    found = next((line for line in listed if line.handout.id == visit.places["handout"]), None)
    if found is None:
        raise errors.NotFound("The event has no such hand-out.")
    return found


def _say_key_stays(line: look.HandoutLine) -> str:
    if line.key is None or not line.key.is_good(now_us()):
        return "No key was shown there that is still good."
    return "The key that was shown there stays good: revoke it too, if it is in the wrong hands."


def _way(visit: Visit, source: Source) -> str:
    return f"events/{visit.event.slug}/connect/sources/{source.number}"
