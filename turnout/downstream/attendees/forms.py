"""In which form a list is answered: what `format` says, else what `Accept` says. Pure."""

from turnout import errors
from turnout.downstream.formats import FORMATS, Format
from turnout.feed.reading import Head

_BY_TYPE = {one.media_type.partition(";")[0]: one for one in FORMATS.values()} | {
    "application/ndjson": FORMATS["ndjson"],
    "application/jsonl": FORMATS["ndjson"],
    "application/*": FORMATS["json"],
    "text/*": FORMATS["csv"],
    "*/*": FORMATS["json"],
}
MAX_ACCEPTED = 50
"""Types of an Accept header that are looked at."""


def choose_form(head: Head) -> Format:
    """Raises InvalidRequest for a `format` that there is none of, and NotAcceptable."""
    if head.text("format") is not None:
        return FORMATS[head.choice("format", tuple(FORMATS))]
    accept = head.header(b"accept")
    if accept is None or not accept.strip():
        return FORMATS["json"]
    ranges = [_read_range(one) for one in accept.split(",")[:MAX_ACCEPTED]]
    for media_type, quality in sorted(ranges, key=lambda one: -one[1]):
        if quality > 0 and media_type in _BY_TYPE:
            return _BY_TYPE[media_type]
    raise errors.NotAcceptable("Attendees are written as " + ", ".join(one.media_type for one in FORMATS.values()))


def _read_range(text: str) -> tuple[str, float]:
    """`text/csv;q=0.5` → the type and how welcome it is."""
    media_type, *parameters = text.split(";")
    quality = next((one.strip()[2:] for one in parameters if one.strip().lower().startswith("q=")), "1")
    try:
        return media_type.strip().lower(), float(quality)
    except ValueError:
        return media_type.strip().lower(), 1.0
