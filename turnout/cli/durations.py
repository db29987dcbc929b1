"""Spans of time as people write them: `90d`, `24h`, `30m`, `45s`."""

import re

import rich_click as click

_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_MAX_S = 100 * 365 * 86_400


class Duration(click.ParamType[int]):
    """In microseconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([dhms])|(0)", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is not a span of time; write it like 90d, 24h, 30m or 45s.", param, ctx)
        seconds = 0 if match[3] else int(match[1]) * _UNITS_S[match[2]]
        if seconds > _MAX_S:
            self.fail(f"{value!r} is more than a hundred years.", param, ctx)
        return seconds * 1_000_000
