"""Whom a source must not bring back after an erasure (F2): known by a keyed digest of the address alone."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import unquote

from turnout.feed.settle.draft import Draft
from turnout.feed.submission import Item
from turnout.model.names import fold_case
from turnout.model.push import Push
from turnout.store import suppressions
from turnout.store.statements import Connection

MAX_ADDRESSES = 20_000
"""Looked for in one body that could not be read."""


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


def is_suppressed(draft: Draft, item: Item, push: Push) -> bool:
    """Whether the push is about somebody whom its source must not bring back (F2)."""
    source = item.sender.source_number
    if (source, fold_case(push.email)) not in draft.suppressed:
        return False
    # Where ids decide, whoever has the id shares the address with the one who was erased, and is somebody else (C6).
    by_id = draft.configuration.event.identity == "third_party_id"
    return not (by_id and draft.list_by_id(source, push.profile.get("thirdPartyId")))


def names_suppressed(draft: Draft, item: Item) -> bool:
    """Whether a body that could not be read has the address of somebody whom its source must not bring back (F2)."""
    addresses = find_addresses(item.body or "")
    return any((item.sender.source_number, address) in draft.suppressed for address in addresses)


def find_addresses(body: str) -> set[str]:
    """What looks like an address in a body that could not be read, folded."""
    found: set[str] = set()
    for match in _ADDRESS.finditer(unescape(body)):
        if len(found) == MAX_ADDRESSES:
            break
        found.add(fold_case(match[0].strip(".")))
    return found


_AROUND = r"""\s"'`<>()\[\]{}|\\,;:=&@"""
"""What stands around an address in JSON, forms, CSV and sentences, and in none."""
_ADDRESS = re.compile(f"[^{_AROUND}]{{1,256}}@[^{_AROUND}]{{1,256}}")
_BEFORE = re.compile(f"[{_AROUND}/*]")
_BEHIND = re.compile(rf"[{_AROUND}/?#!…*]|\.+(?:[{_AROUND}]|$)")


def is_in(address: str, text: str) -> bool:
    """Whether a folded address stands in a folded text as a whole: ann@example.org is not in joann@example.org."""
    at = text.find(address)
    while at >= 0:
        end = at + len(address)
        if (at == 0 or _BEFORE.match(text, at - 1)) and (end == len(text) or _BEHIND.match(text, end)):
            return True
        at = text.find(address, at + 1)
    return False


def unescape(text: str) -> str:
    """A text with what JSON and forms write otherwise as it is meant, so that an address in it is found."""
    if "\\" in text:
        text = _UNICODE.sub(lambda match: chr(int(match[1], 16)), text).replace("\\/", "/")
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unquote(text) if _PERCENT.search(text) else text


_UNICODE = re.compile(r"\\[uU]([0-9a-fA-F]{4})")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
