"""With what an event's tokens are signed: made when first needed, replaced by and by, published for long enough.

Whoever verifies tokens keeps the list of public keys for a while. So a new key stands in the list before anything is
signed with it, and a former one until the last of its tokens is over. Only an event's first key signs at once: a list
that is empty is kept by nobody.
"""

import json
from collections.abc import Sequence

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from turnout.model.signing_key import SigningKey
from turnout.now import new_id, now_us
from turnout.store import events, signing_keys
from turnout.store.database import Database
from turnout.store.sealing import CannotOpen, seal, unseal
from turnout.store.statements import Connection

ALGORITHM = "ES256"
LONGEST_S = 3_600
"""How long a token is good at most."""
KEPT_S = 300
"""How long the list of public keys may be kept."""
AHEAD_US = 2 * KEPT_S * 1_000_000
"""So long before it signs a new key is in the list: twice what it is kept for, because caches stand behind caches."""
PUBLISHED_US = (LONGEST_S + 2 * KEPT_S) * 1_000_000
"""So long a former key stays in the list."""
REPLACED_AFTER_US = 90 * 86_400 * 1_000_000
log = structlog.get_logger()


class Signer(msgspec.Struct, frozen=True):
    """The key that signs now."""

    id: str
    private_key: EllipticCurvePrivateKey


def get_signer(database: Database, event_id: str) -> Signer:
    """The event's present key; made, or replaced, where that is due. Raises StorageUnavailable."""
    secret_key, at = database.secret_key, now_us()
    with database.read() as connection:
        keys = signing_keys.list_signing_keys(connection, event_id)
    signer = _find_signer(secret_key, keys, at)
    if signer is not None and not _is_due(keys, at):
        return signer
    with database.write() as connection:
        # One at a time: two who come first together are to make one key.
        events.lock_clocks(connection, [event_id])
        keys = signing_keys.list_signing_keys(connection, event_id)
        signer = _find_signer(secret_key, keys, at)
        if signer is None:
            signer = _begin_anew(connection, secret_key, event_id, keys, at)
        elif _is_due(keys, at):
            _add_next(connection, secret_key, event_id, keys, at)
    return signer


def rotate(database: Database, event_id: str, *, at_once: bool = False) -> list[SigningKey]:
    """The event's keys with a new one, which signs after a while, or `at_once`, when no other is published any more.

    Where a new one is on its way already it stays the next. Raises StorageUnavailable.
    """
    secret_key, at = database.secret_key, now_us()
    with database.write() as connection:
        events.lock_clocks(connection, [event_id])
        keys = signing_keys.list_signing_keys(connection, event_id)
        if at_once:
            signing_keys.retire_signing_keys(connection, event_id, [key.id for key in keys], 0)
            _begin_anew(connection, secret_key, event_id, [], at)
        elif _find_signer(secret_key, keys, at) is None:
            _begin_anew(connection, secret_key, event_id, keys, at)
        elif len(list_usable(keys, at)) == 1:
            _add_next(connection, secret_key, event_id, keys, at)
        return signing_keys.list_signing_keys(connection, event_id)


def list_published(keys: Sequence[SigningKey], at: int) -> list[SigningKey]:
    """Those by which a token that is still good may be signed, or soon will be."""
    return [key for key in keys if key.retired_at is None or key.retired_at + PUBLISHED_US > at]


def list_usable(keys: Sequence[SigningKey], at: int) -> list[SigningKey]:
    """The one that signs, and behind it the one that will."""
    return [key for key in keys if key.retired_at is None or key.retired_at > at]


def _find_signer(secret_key: bytes, keys: Sequence[SigningKey], at: int) -> Signer | None:
    """None where there is none yet, or none that can be opened."""
    return next((signer for key in list_usable(keys, at) if (signer := _open(secret_key, key)) is not None), None)


def _open(secret_key: bytes, key: SigningKey) -> Signer | None:
    try:
        private_key = load_der_private_key(unseal(secret_key, key.private_key, key.id), None)
    except CannotOpen:
        return None
    assert isinstance(private_key, EllipticCurvePrivateKey)
    return Signer(key.id, private_key)


def _is_due(keys: Sequence[SigningKey], at: int) -> bool:
    """Whether the key that signs has been there for long, and no other is on its way."""
    usable = list_usable(keys, at)
    return len(usable) == 1 and usable[0].created_at + REPLACED_AFTER_US <= at


def _begin_anew(
    connection: Connection, secret_key: bytes, event_id: str, keys: Sequence[SigningKey], at: int
) -> Signer:
    """A key that signs at once, because there is no other: the first, or the secret key was lost."""
    lost = [key.id for key in list_usable(keys, at)]
    if lost:
        log.warning("signing_keys_lost", event_id=event_id, keys=lost)
        signing_keys.retire_signing_keys(connection, event_id, lost, at)
    signing_keys.forget_signing_keys(connection, event_id, at - PUBLISHED_US)
    return _add(connection, secret_key, event_id, at)


def _add_next(connection: Connection, secret_key: bytes, event_id: str, keys: Sequence[SigningKey], at: int) -> None:
    """A key that takes over when whoever verifies has had the time to learn of it."""
    signing_keys.retire_signing_keys(connection, event_id, [key.id for key in list_usable(keys, at)], at + AHEAD_US)
    signing_keys.forget_signing_keys(connection, event_id, at - PUBLISHED_US)
    _add(connection, secret_key, event_id, at)


def _add(connection: Connection, secret_key: bytes, event_id: str, at: int) -> Signer:
    signer = Signer(new_id("sgn"), generate_private_key(SECP256R1()))
    private = signer.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(signer.private_key.public_key(), as_dict=True)
    signing_keys.add_signing_key(
        connection,
        SigningKey(
            event_id=event_id,
            id=signer.id,
            private_key=seal(secret_key, private, signer.id),
            public_key=json.dumps(public | {"kid": signer.id, "use": "sig", "alg": ALGORITHM}),
            created_at=at,
        ),
    )
    return signer
