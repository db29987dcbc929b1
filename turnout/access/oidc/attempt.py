"""One sign-in by single sign-on while the browser is away at the provider."""

import base64
import hashlib
import hmac

import msgspec

from turnout.model.secret_text import make_secret

LASTS_S = 600
"""To sign in at the provider, with a second factor that has to be looked for."""


class Attempt(msgspec.Struct, frozen=True):
    """What the browser keeps meanwhile, in a cookie, so that nobody can come back who did not go.

    All that goes to the provider is made from the secret, and tells nothing of it or of one another.
    """

    secret: str
    to: str = ""
    """Where the visitor wanted to go."""
    link: str = ""
    """An invitation, or a link for a new password, that is accepted by it."""

    @property
    def state(self) -> str:
        """Comes back with the browser: it is the one that went."""
        return self._derive("state")

    @property
    def nonce(self) -> str:
        """Comes back in the ID token: it was made for this attempt."""
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """Shows that whoever has the code has asked for it (PKCE, RFC 7636)."""
        return self._derive("verifier")

    @property
    def challenge(self) -> str:
        return _as_text(hashlib.sha256(self.verifier.encode()).digest())

    def is_state(self, given: str) -> bool:
        return hmac.compare_digest(self.state.encode(), given.encode(errors="surrogatepass"))

    def _derive(self, purpose: str) -> str:
        return _as_text(hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).digest())


def begin(to: str = "", link: str = "") -> Attempt:
    return Attempt(make_secret(), to, link)


def _as_text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
