"""What the overview shows, from the rooms that know it, as much of it as the visitor may see."""

from typing import Any

import msgspec

from turnout.access import roles
from turnout.alerts import watching
from turnout.console.overview import look
from turnout.console.page import Visit
from turnout.console.pushes.asked import find_zone, write_time
from turnout.events import activity, signs
from turnout.events.activity import Period
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.recipes import get_recipe
from turnout.recipes.recipe import target_of
from turnout.store import events


class Row(msgspec.Struct, frozen=True):
    """One push in the stream."""

    push: StoredPush
    source: str
    who: str | None
    """As much of the address as the visitor may see."""
    why: str
    """Why it failed, as much as he may see; else what was odd."""


def find_configuration(visit: Visit) -> Configuration:
    """As it is now: names and sources come with pushes."""
    known = visit.configuration
    assert known is not None
    configurations = visit.product.feed.configurations
    with visit.database.read() as connection:
        version = events.find_version(connection, known.event.id)
        return configurations.refresh(connection, known.event.id, version) or known


def gather(visit: Visit, configuration: Configuration, period: Period, latest: list[StoredPush]) -> dict[str, Any]:
    gateway, recipe = configuration.event.gateway(visit.product.public_url), get_recipe("curl")
    # Whose key it is likely to be: that of the source which came with the event.
    first = min((one.number for one in configuration.sources.values() if one.retired_at is None), default=None)
    return {
        "configuration": configuration,
        "gateway": gateway,
        "curl": recipe.write(target_of(configuration, gateway, recipe, source_number=first)).snippets[0].text,
        "rows": list_rows(visit, configuration, latest),
        **draw(signs.look(visit.database, configuration, period), configuration),
        "findings": signs.find(visit.database, configuration),
        "has_alerts": has_alerts(visit, configuration),
        "periods": look.PERIODS,
        "may_create": roles.may_create_events(visit.user),
    }


def has_alerts(visit: Visit, configuration: Configuration) -> bool:
    """Whether any is open."""
    return bool(watching.count_open(visit.database, [configuration.event.id]))


def draw(seen: signs.Signs, configuration: Configuration) -> dict[str, Any]:
    zone = configuration.event.time_zone
    return {
        "signs": seen,
        "bars": look.draw(seen.series, seen.period, zone),
        "failed_since": write_time(activity.find_day_start(), find_zone(zone)),
    }


def list_rows(visit: Visit, configuration: Configuration, pushes: list[StoredPush]) -> list[Row]:
    def name_of(number: int) -> str:
        source = configuration.sources.get(number)
        return "?" if source is None else source.name

    return [
        Row(push, name_of(push.source_number), visit.mask(push.email), _explain(push, shows=visit.sees_personal))
        for push in pushes
    ]


def _explain(push: StoredPush, *, shows: bool) -> str:
    """Messages may hold what was sent; whoever may not see that is told path and code."""
    if push.failure is not None:
        if not push.failure.errors:
            return push.failure.detail if shows else push.failure.code
        first, more = push.failure.errors[0], len(push.failure.errors) + push.failure.more_errors - 1
        said = first.message if shows else f"{first.path} {first.code}".strip()
        return said + (f" And {more:,} more." if more else "")
    count = len(push.warnings) + push.more_warnings
    return f"{count:,} warning{'' if count == 1 else 's'}" if count else ""
