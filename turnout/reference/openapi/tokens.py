"""Tokens, and the keys by which they are verified."""

from turnout.reference import examples
from turnout.reference.openapi.parts import ANY_KEY, BODY_ERRORS, Part, answer, errors, header, read_errors
from turnout.reference.openapi.read import TELL_OF_ONE
from turnout.reference.schemas.parts import ref


def give_token(problems_url: str) -> Part:
    return {
        "operationId": "giveToken",
        "summary": "A token that says who somebody is",
        "description": "A JSON Web Token, signed with ES256, that is good for some minutes: who it is (`sub`), the "
        "`status`, the `groups` and the fields chosen, as far as your read key sees them. Whoever gets it verifies it "
        "by the keys at `/.well-known/jwks.json`, without asking here. `iss` is always the gateway below this server's "
        "public address. A token is not taken back: give it a short time, and look at its `status`.",
        "tags": ["Tokens"],
        "security": ANY_KEY,
        "parameters": [
            {
                "name": "attendee",
                "in": "path",
                "required": True,
                "description": "An id, or an address, percent-encoded, where your key sees addresses.",
                "schema": {"type": "string", "minLength": 1},
                "example": examples.ATTENDEE_ID,
            }
        ],
        "requestBody": {
            "description": "Nothing, or what the token is to say.",
            "content": {
                "application/json": {
                    "schema": ref("TokenWish"),
                    "example": {"fields": ["firstName", "company"], "expiresIn": 600},
                }
            },
        },
        "responses": {
            "200": answer("The token.", ref("Token"), {"token": ("A token", examples.TOKEN)}),
            **read_errors(
                problems_url,
                *BODY_ERRORS,
                "invalid_request",
                "hidden_field",
                "not_found",
                "shared_address",
                **TELL_OF_ONE,
            ),
        },
    }


def list_signing_keys(problems_url: str) -> Part:
    return {
        "operationId": "listSigningKeys",
        "summary": "The keys by which tokens are verified",
        "description": "A JSON Web Key Set (RFC 7517), for everybody. Keep it for as long as `Cache-Control` says, and "
        "ask again for a `kid` that is not in it. The list is empty until the first token is given, and the same where "
        "there is no such event (A3).",
        "tags": ["Tokens"],
        "security": [],
        "responses": {
            "200": {
                "description": "The public keys of all tokens that may be good.",
                "headers": header("X-Request-Id")
                | {
                    "Cache-Control": {
                        "description": "`public, max-age=300`, say; `no-cache` as long as there is none.",
                        "schema": {"type": "string"},
                    }
                },
                "content": {
                    "application/jwk-set+json": {"schema": ref("SigningKeys"), "example": examples.SIGNING_KEYS}
                },
            },
            **errors(problems_url, ("storage_unavailable",)),
        },
    }
