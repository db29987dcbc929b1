"""What an event's tokens are signed with."""

import msgspec


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of keys as stored: the private half sealed, the public half as everybody gets it."""

    event_id: str
    id: str
    """Of tokens and in the list of public keys it is the `kid`. Later keys have larger ones."""
    private_key: bytes
    """Sealed with the installation's secret key."""
    public_key: str
    """A JSON Web Key."""
    created_at: int
    retired_at: int | None = None
    """From then on nothing is signed with it; it may lie ahead. None: it is not known yet."""
