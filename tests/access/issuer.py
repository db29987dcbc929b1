"""A provider of single sign-on over HTTP that does as it is told: with false tokens, other keys, or not at all."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT_ID = "turnout"
CLIENT_SECRET = "not to be seen"
SUBJECT = "subject-1"
_RSA = rsa.generate_private_key(65_537, 2_048)
_EC = ec.generate_private_key(ec.SECP256R1())
STRANGERS = rsa.generate_private_key(65_537, 2_048)
KEYS: dict[str, Any] = {"rsa": (_RSA, "RS256"), "ec": (_EC, "ES256")}


class TestedIssuer:
    """`claims` of the next ID token, over what a good one has; `sign` in place of the signing; what was asked."""

    __test__ = False

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.nonce = ""
        self.claims: dict[str, Any] = {}
        self.kid = "rsa"
        self.published = ["rsa"]
        self.sign: Callable[[dict[str, Any]], str] | None = None
        self.provider: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.token_status = 200
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        """Path, headers and form of each request."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _, _ in self.asked)

    def answer(self, path: str) -> tuple[int, object]:
        if path == "/.well-known/openid-configuration":
            endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            more = {} if self.userinfo is None else {"userinfo_endpoint": f"{self.url}/userinfo"}
            return 200, {
                "issuer": self.url,
                **{name: f"{self.url}/{path}" for name, path in endpoints.items()},
                **more,
                **self.provider,
            }
        if path == "/keys":
            return 200, {"keys": [self._publish(kid) for kid in self.published]}
        if path == "/token":
            if self.token_status != 200:
                return self.token_status, {"error": "invalid_grant", "error_description": CLIENT_SECRET}
            return 200, {"id_token": self._make_token(), "access_token": "access", "token_type": "Bearer"}
        if path == "/userinfo":
            return 200, self.userinfo
        return 404, {}

    def _make_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": self.nonce,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        key, algorithm = KEYS[self.kid]
        return jwt.encode(claims, key, algorithm, headers={"kid": self.kid})

    def _publish(self, kid: str) -> dict[str, Any]:
        key, algorithm = KEYS[kid]
        public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
        return {**public, "kid": kid, "use": "sig", "alg": algorithm}

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                form = parse_qs(self.rfile.read(length).decode())
                issuer.asked.append(
                    (self.path, {k.lower(): v for k, v in self.headers.items()}, {k: v[0] for k, v in form.items()})
                )
                status, content = issuer.answer(self.path)
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                pass

        return Handler


def sign_with_nothing(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", "none")


def sign_as_stranger(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, STRANGERS, "RS256", headers={"kid": "rsa"})


def sign_with_what_everybody_knows(claims: dict[str, Any]) -> str:
    """HMAC with the public key for a secret: a reader that lets the token choose would take it."""
    public = jwt.get_algorithm_by_name("RS256").to_jwk(_RSA.public_key(), as_dict=True)
    parts = [_pack({"alg": "HS256", "typ": "JWT", "kid": "rsa"}), _pack(claims)]
    secret = base64.urlsafe_b64decode(public["n"] + "==")
    signature = jwt.get_algorithm_by_name("HS256").sign(".".join(parts).encode(), secret)
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def _pack(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
