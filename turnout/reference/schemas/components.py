"""All schemas, by name."""

from turnout.reference.schemas import answers, batch, exports, follow, look, push, read, tokens, values, webhooks
from turnout.reference.schemas.parts import Schema


def components() -> dict[str, Schema]:
    """Every schema there is."""
    rooms = (values, push, batch, answers, look, read, follow, exports, tokens, webhooks)
    return {name: schema for room in rooms for name, schema in room.schemas().items()}
