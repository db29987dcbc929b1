"""`turnout event signs`: whether pushes arrive as usual, and what somebody should look at."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import opened_event

if TYPE_CHECKING:
    from turnout.events.signs import Findings, Rhythm, Signs
    from turnout.model.event import Configuration

_PERIODS = ("1h", "24h", "7d", "30d")
_SHOWN = 20
"""Of each kind of finding."""


@click.command()
@click.argument("slug")
@click.option("--period", type=click.Choice(_PERIODS), default="24h", show_default=True, help="Pushes of so long.")
@output.json_option
def signs(slug: str, period: Any) -> None:
    """Show an event's vital signs: pushes and errors, what is usual, who is silent; new, unknown and missing fields.

    Exit code 1 where a source is silent for longer than is usual, as its alert says: for a check that runs by itself.

    Example: turnout event signs spring
    """
    from turnout.events import signs as looking

    with opened_event(slug) as (database, configuration):
        seen = looking.look(database, configuration, period)
        found = looking.find(database, configuration)
    if output.wants_json():
        output.write_json(_describe(seen, found))
    else:
        _show(seen, found, configuration)
    if seen.silent:
        output.end(1)


def _show(seen: "Signs", found: "Findings", configuration: "Configuration") -> None:
    zone = configuration.event.time_zone
    failed = sum(seen.series.by_result.get("failed", ()))
    output.pairs(
        [
            (f"Pushes in {seen.period}", f"{seen.series.total:,}, {failed:,} of them failed"),
            ("Last push", output.show_time(seen.activity.last_at, zone)),
            ("Usual", _say_rhythm(seen.rhythm)),
            ("Attendees", ", ".join(f"{count:,} {status}" for status, count in seen.people.items()) or "none yet"),
        ]
    )
    output.heading("Sources")
    output.table(
        ("name", "pushes", "last push", "usual"),
        [
            (
                f"{line.source.name} (rehearsing)" if line.is_rehearsing else line.source.name,
                f"{line.pushes:,}",
                output.show_time(line.last_at, zone),
                _say_rhythm(line.rhythm),
            )
            for line in seen.sources
        ],
    )
    lines = _list_findings(found, configuration)
    if lines:
        output.heading("To look at")
        output.say(*lines)


def _say_rhythm(rhythm: "Rhythm | None") -> str:
    if rhythm is None:
        return "nobody can say yet"
    minutes = rhythm.silent_us // 60_000_000
    silent = f"{minutes // 60:,} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return f"{rhythm.usual.said}; silent for {silent}" + (", longer than usual" * rhythm.is_overdue)


def _list_findings(found: "Findings", configuration: "Configuration") -> list[str]:
    def name_of(number: int | None) -> str:
        source = configuration.sources.get(number or 0)
        return "a source" if source is None else source.name

    lines = []
    for one in found.wrong_keys[:_SHOWN]:
        which = one.label or one.key_id or "no key at all"
        lines.append(f"Refused {output.count(one.count, 'time')}: {which}, which is {one.state}")
    for field in found.unknown[:_SHOWN]:
        meant = f"; probably {field.suggestion} is meant" if field.suggestion else ""
        lines.append(f"{name_of(field.source_number)} sends the unknown field {field.path}{meant}")
    for source, fields in found.missing:
        lines += [
            f"{source.name} sends {gone.name} no more: {gone.before:,} of {gone.of:,} pushes had it"
            for gone in fields[:_SHOWN]
        ]
    for new in found.new_names[:_SHOWN]:
        kind = "group" if new.kind == "group" else "custom field"
        lines.append(f"New {kind}: {new.name.name}, from {name_of(new.name.first_source)}")
    return lines


def _describe(seen: "Signs", found: "Findings") -> dict[str, Any]:
    from turnout.now import as_text

    def tell(rhythm: "Rhythm | None") -> dict[str, Any] | None:
        if rhythm is None:
            return None
        return {
            "usuallyAnHour": rhythm.usual.an_hour,
            "silentSeconds": rhythm.silent_us // 1_000_000,
            "isOverdue": rhythm.is_overdue,
        }

    return {
        "period": seen.period,
        "lastAt": None if seen.activity.last_at is None else as_text(seen.activity.last_at),
        "pushes": seen.series.total,
        "byResult": {result: sum(counts) for result, counts in seen.series.by_result.items()},
        "rhythm": tell(seen.rhythm),
        "attendees": {"attending": 0, "withdrawn": 0} | seen.people,
        "sources": [
            {
                "name": line.source.name,
                "pushes": line.pushes,
                "lastAt": None if line.last_at is None else as_text(line.last_at),
                "rehearses": line.is_rehearsing,
                "rhythm": tell(line.rhythm),
            }
            for line in seen.sources
        ],
        "wrongKeys": [
            {"id": one.key_id or None, "label": one.label, "state": one.state, "count": one.count}
            for one in found.wrong_keys
        ],
        "unknownFields": [
            {"path": one.path, "suggestion": one.suggestion, "pushes": one.pushes} for one in found.unknown
        ],
        "missingFields": [
            {"source": source.name, "name": one.name, "kind": one.field.kind, "before": one.before, "of": one.of}
            for source, fields in found.missing
            for one in fields
        ],
        "newNames": [{"kind": new.kind, "name": new.name.name} for new in found.new_names],
    }
