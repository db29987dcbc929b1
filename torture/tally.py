"""What one kind of torture came to."""

import msgspec


class Tally(msgspec.Struct):
    """A line of the table at the end."""

    title: str
    rounds: int = 0
    kills: int = 0
    """Or power cuts: how often the server was ended without a word."""
    caught: int = 0
    """Kills that came before the server was ready."""
    starts: int = 0
    slowest_start_s: float = 0.0
    requests: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    unheard: int = 0
    """Pushes acknowledged when the power was off already: by nobody, on a real machine."""
    refused: int = 0
    """For the moment: the answer said to send the same again."""
    repeated: int = 0
    """Requests that were sent again with their key, and got the same answer."""
    verified: int = 0
    """How often `verify` read everything and found nothing wrong."""
    lost: int = 0
    """Acknowledged, and not there as it was acknowledged."""
    others: int = 0
    """Promises that were not kept besides."""
    faults: list[str] = []
    """What is told of them."""
    reason: str = ""
    """Why it was not run."""
    remarks: list[str] = []
