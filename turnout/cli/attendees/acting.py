"""`turnout attendees pin, remove, rename, merge, group`: what staff decide about one attendee (C7, C10)."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import acting, event_option, opened_event

if TYPE_CHECKING:
    from turnout.feed.acts.scene import Scene
    from turnout.model.attendee import Attendee
    from turnout.model.change import Change
    from turnout.model.event import Configuration

email_argument = click.argument("email")
field_argument = click.argument("field", required=False, metavar="[PATH]")
field_option = click.option("--custom-field", metavar="NAME", help="A custom field, by its name, in place of PATH.")


@click.command()
@event_option
@email_argument
@field_argument
@field_option
@output.json_option
def pin(slug: str, email: str, field: str | None, custom_field: str | None) -> None:
    """Hold a field as it is: pushes do not change it until it is unpinned, and their answers say so.

    Example: turnout attendees pin --event spring john.doe@example.com profile.title
    """
    _pin(slug, email, field, custom_field, is_pinned=True)


@click.command()
@event_option
@email_argument
@field_argument
@field_option
@output.json_option
def unpin(slug: str, email: str, field: str | None, custom_field: str | None) -> None:
    """Let pushes change a field again. What they said meanwhile does not come back; the next push counts.

    Example: turnout attendees unpin --event spring john.doe@example.com --custom-field Diet
    """
    _pin(slug, email, field, custom_field, is_pinned=False)


@click.command()
@event_option
@email_argument
@click.option("--undo", is_flag=True, help="Bring the person back, if a source expects them.")
@output.json_option
def remove(slug: str, email: str, undo: bool) -> None:
    """Withdraw somebody whatever sources expect, until it is undone. What is pushed meanwhile is kept with them.

    Example: turnout attendees remove --event spring john.doe@example.com
    """
    from turnout.feed.acts import decisions

    action = "attendee.bring_back" if undo else "attendee.remove"
    _act(slug, action, lambda scene: decisions.remove(scene, email, is_removed=not undo), email)


@click.command()
@event_option
@email_argument
@click.argument("new")
@output.json_option
def rename(slug: str, email: str, new: str) -> None:
    """Change somebody's address. The old one goes on leading to them: pushes that still use it are theirs.

    Example: turnout attendees rename --event spring john.doe@example.com john.smith@example.com
    """
    from turnout.feed.acts import decisions

    _act(slug, "attendee.rename", lambda scene: decisions.rename(scene, email, new), email)


@click.command()
@event_option
@email_argument
@click.argument("group_name", metavar="GROUP")
@click.argument("how", type=click.Choice(["in", "out", "release"]))
@output.json_option
def group(slug: str, email: str, group_name: str, how: Literal["in", "out", "release"]) -> None:
    """Put somebody in or out of a group, whatever sources say, until you release them.

    Example: turnout attendees group --event spring john.doe@example.com Speakers in
    """
    from turnout.feed.acts import decisions

    is_in = {"in": True, "out": False, "release": None}[how]
    _act(slug, "attendee.hold", lambda scene: decisions.hold(scene, email, group_name, is_in=is_in), email)


@click.command()
@event_option
@email_argument
@click.argument("into")
@yes_option
@output.json_option
def merge(slug: str, email: str, into: str, yes: bool) -> None:
    """Make one attendee of two who are the same person: INTO stays, and gets what it lacks. There is no undo.

    Addresses, the sources' ids, groups and fields that INTO lacks go to it. The other's address and id lead to it then.

    Example: turnout attendees merge --event spring j.doe@example.com john.doe@example.com
    """
    from turnout.feed.acts import merge as merging
    from turnout.feed.acts.scene import get_attendee

    with opened_event(slug) as (database, configuration), database.read() as connection:
        event_id = configuration.event.id
        other, kept = (get_attendee(connection, event_id, one, slug) for one in (email, into))
    if other.id != kept.id:
        lines = _describe_merge(other, kept, configuration)
        confirm(lines, f"Merge {other.email} into {kept.email}?", yes=yes)
    # By id: whom the addresses lead to may change while somebody thinks.
    _act(slug, "attendee.merge", lambda scene: merging.merge(scene, other.id, kept.id), kept.id)


COMMANDS = (pin, unpin, remove, rename, group, merge)


def _pin(slug: str, email: str, field: str | None, custom_field: str | None, *, is_pinned: bool) -> None:
    from turnout.feed.acts import decisions

    if (field is None) == (custom_field is None):
        raise click.UsageError("Name one field: a path such as profile.title, or --custom-field NAME.")
    path = field if field is not None else f"customFields.{custom_field}"
    action = "attendee.pin" if is_pinned else "attendee.unpin"
    _act(slug, action, lambda scene: decisions.pin(scene, email, path, is_pinned=is_pinned), email)


def _act(slug: str, action: str, do: "Callable[[Scene], list[Change]]", reference: str) -> None:
    """Acts, and shows the lines that this made, and the attendee as it is then."""
    from turnout.changes import attendee_view, change_view
    from turnout.events.setup import get_configuration
    from turnout.feed.acts.scene import get_attendee, on_stage
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.configurations import Configurations

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        with acting(database, action, event_id=event_id) as deed:
            with on_stage(database, Configurations(database), event_id, name_actor()) as scene:
                lines = do(scene)
                # The same person whatever the reference leads to in a moment.
                attendee_id = lines[-1].attendee_id if lines else scene.get(reference).id
            deed.target, deed.after = attendee_id, {"sequences": [line.sequence for line in lines]}
        database.move_log()
        assert attendee_id is not None
        with database.read() as connection:
            attendee = get_attendee(connection, event_id, attendee_id, slug)
        its = get_configuration(database, slug)
    views = [change_view.view(line, its) for line in lines]
    if output.wants_json():
        output.write_json({"changes": views, "attendee": attendee_view.view(attendee, its)})
        return
    for line, view in zip(lines, views, strict=True):
        what = "; ".join(output.describe_line(line, view, its))
        output.say(f"{view.email}, change {line.sequence:,}: {what}.")
    if not lines:
        output.say(f"{attendee.email}: it was so already, so nothing changed.")


def _describe_merge(other: "Attendee", kept: "Attendee", configuration: "Configuration") -> Sequence[str]:
    """What would move, for people."""
    from turnout.changes.shown import shown_to_all, spell_field
    from turnout.feed.acts.merge import foresee_merge

    entries = foresee_merge(other, kept)
    values = shown_to_all(entries, configuration.custom_fields, configuration.groups)
    lines = [f"  {output.describe_change(change)}" for change in values]
    for entry in entries:
        key: Any = entry.key
        if entry.what == "part_groups":
            more = [configuration.groups.spell(number) for number in entry.new if number not in entry.old]
            lines.append(f"  groups, as {configuration.sources[key].name} says: {', '.join(more)}")
        elif entry.what == "held":
            lines.append(f"  held {'in' if entry.new else 'out of'} the group {configuration.groups.spell(key)}")
        elif entry.what == "pin":
            lines.append(f"  pinned: {spell_field(key, configuration.custom_fields)}")
        elif entry.what in ("part_id", "part_more_ids"):
            ids = [entry.new] if entry.what == "part_id" else [one for one in entry.new if one not in entry.old]
            lines.append(f"  {configuration.sources[key].name}'s id: {', '.join(ids)}")
        elif entry.what == "aliases":
            lines.append(f"  addresses: {', '.join(one for one in entry.new if one not in entry.old)}")
    return [
        f"{other.email} ({other.id}) becomes part of {kept.email} ({kept.id}), who gets:",
        *(lines or ["  nothing that is not there already"]),
        "Where both have a value, that of the one kept stays. This cannot be undone.",
    ]
