"""Secrets that have to be read again, closed with the installation's secret key: AES-256-GCM, as the package does it.

What each belongs to is sealed in, so that one copied into another row does not open there.
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class CannotOpen(Exception):
    """It was sealed with another secret key, for something else, or is damaged."""


def seal(secret_key: bytes, plain: bytes, belongs_to: str) -> bytes:
    """The secret as it may be stored. `belongs_to` is the id of the row that it is for."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_derive(secret_key)).encrypt(nonce, plain, belongs_to.encode())


def seal_alike(secret_key: bytes, plain: bytes, belongs_to: str) -> bytes:
    """The same, but the same secret is the same text each time: whoever sees two learns whether they are equal."""
    # A nonce that is taken from what is sealed does not come twice for different secrets.
    nonce = hmac.digest(_derive(secret_key, b"turnout nonces"), belongs_to.encode() + b"\0" + plain, "sha256")
    nonce = nonce[:_NONCE_BYTES]
    return nonce + AESGCM(_derive(secret_key)).encrypt(nonce, plain, belongs_to.encode())


def unseal(secret_key: bytes, sealed: bytes, belongs_to: str) -> bytes:
    """The secret. Raises CannotOpen."""
    try:
        return AESGCM(_derive(secret_key)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], belongs_to.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def opens(secret_key: bytes, sealed: bytes, belongs_to: str) -> bool:
    """Whether it can be opened with this key."""
    try:
        unseal(secret_key, sealed, belongs_to)
    except CannotOpen:
        return False
    return True


def _derive(secret_key: bytes, purpose: bytes = b"turnout sealed secrets") -> bytes:
    """A key of its own, because the installation's is used for digests too."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret_key)
