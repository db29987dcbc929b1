"""What is said to and of tokens."""

from turnout.reference.schemas.parts import Schema, object_of, text


def schemas() -> dict[str, Schema]:
    """What is said to and of tokens."""
    key = object_of(
        "A public key (RFC 7517).",
        {
            "kty": {"const": "EC"},
            "crv": {"const": "P-256"},
            "x": text("Of the point."),
            "y": text("Of the point."),
            "kid": text("Which tokens it is for: they name it in their head.", pattern="^sgn_"),
            "use": {"const": "sig"},
            "alg": {"const": "ES256"},
        },
    )
    return {
        "TokenWish": {
            "type": "object",
            "description": "What a token is to say. Who it is, the status and the groups it says in any case.",
            "additionalProperties": False,
            "properties": {
                "fields": {
                    "type": "array",
                    "items": {"type": "string"},
                    "maxItems": 100,
                    "default": [],
                    "description": "`email`, other fields of the profile, and custom fields by name; only those that "
                    "your key sees.",
                },
                "expiresIn": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 3_600,
                    "default": 600,
                    "description": "For how many seconds it is good.",
                },
                "audience": {
                    "type": ["string", "null"],
                    "minLength": 1,
                    "maxLength": 255,
                    "description": "Whom it is for, as the claim `aud`, where whoever verifies it is to check that.",
                },
            },
        },
        "Token": object_of(
            "A token.",
            {
                "token": text("A JSON Web Token (RFC 7519), at most 8,000 characters."),
                "expiresAt": text("UTC; in the token as `exp`.", format="date-time"),
            },
        ),
        "SigningKeys": object_of("A JSON Web Key Set (RFC 7517).", {"keys": {"type": "array", "items": key}}),
    }
