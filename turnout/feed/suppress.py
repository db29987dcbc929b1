"""Whom a source must not bring back after an erasure (F2): known by a keyed digest of the address alone."""

import hashlib
import hmac
from collections.abc import Iterable

from turnout.model.names import fold_case
from turnout.store import suppressions
from turnout.store.connect import Connection


def digest_address(secret_key: bytes, event_id: str, address: str) -> str:
    """128 bits of HMAC-SHA-256; without the installation's key nobody can try addresses out."""
    text = f"{event_id}\0{fold_case(address)}".encode(errors="surrogatepass")
    return hmac.new(secret_key, text, hashlib.sha256).hexdigest()[:32]


def find_suppressed(
    connection: Connection, secret_key: bytes, event_id: str, wanted: Iterable[tuple[int, str]]
) -> set[tuple[int, str]]:
    """Which of these sources must not bring back which of these folded addresses."""
    digests = {(source, digest_address(secret_key, event_id, address)): (source, address) for source, address in wanted}
    return {digests[found] for found in suppressions.find(connection, event_id, sorted(digests))}
