"""A body for each operation that takes one, as the OpenAPI document shows it. A test holds that each can be meant."""

from typing import Any

_IN = "events/{event}"
_ONE = f"{_IN}/attendees/{{attendee}}"

EXAMPLES: dict[str, dict[str, Any]] = {
    "PATCH me": {"name": "Ann Lee"},
    "POST me/password": {"present": "the one you have", "password": "a short sentence is good"},
    "POST me/tokens": {"name": "Night job", "expiresInDays": 90},
    "POST me/digest": {"hour": 8, "timeZone": "Europe/Berlin"},
    "POST events": {"name": "Spring Fair 2028", "like": "spring-fair-2027"},
    f"PATCH {_IN}": {"settings": {"time_zone": "Europe/Berlin", "keep_bodies": "60d"}},
    f"POST {_IN}/sources": {"name": "Ticket shop"},
    f"PATCH {_IN}/sources/{{source}}": {"name": "Box office", "settings": {"blank": "keep", "mode": "rehearsal"}},
    f"POST {_IN}/sources/{{source}}/take-effect": {"dryRun": True},
    f"POST {_IN}/keys": {"scope": "read", "label": "Event app", "groups": ["Speakers"], "fields": ["firstName"]},
    f"POST {_IN}/keys/{{key}}/rotate": {"overlapHours": 24},
    f"POST {_IN}/hand-outs": {"source": "Zapier", "tool": "zapier", "label": "Ann at Example Ltd", "expiresInDays": 14},
    f"POST {_IN}/pushes/{{push}}/replay": {"dryRun": True},
    f"POST {_IN}/replay/plan": {"result": "failed", "code": "invalid_email", "since": "2027-05-01T00:00:00Z"},
    f"POST {_IN}/replay": {"result": "failed", "code": "invalid_email", "until": "2027-05-04T09:00:00Z"},
    f"POST {_IN}/try": {"source": 1, "text": '{"profile": {"email": "john.doe@example.com", "title": "CTO"}}'},
    f"POST {_IN}/try/apply": {
        "source": 1,
        "text": '{"profile": {"email": "john.doe@example.com", "title": "CTO"}}',
        "digest": "as the trial has given it",
    },
    f"POST {_ONE}/pin": {"field": "profile.title"},
    f"POST {_ONE}/unpin": {"field": "customFields.Diet"},
    f"POST {_ONE}/hold": {"group": "Speakers", "isIn": "in"},
    f"POST {_ONE}/rename": {"email": "john.smith@example.com"},
    f"POST {_ONE}/merge": {"into": "john.doe@example.com", "confirm": True},
    f"POST {_ONE}/erase": {"confirm": True},
    f"POST {_IN}/suppressed/lift": {"email": "john.doe@example.com"},
    f"POST {_IN}/exports": {"format": "xlsx", "group": "Speakers", "fields": ["firstName", "lastName", "email"]},
    f"PATCH {_IN}/groups/{{number}}": {"name": "Speakers", "staffOnly": False},
    f"PATCH {_IN}/custom-fields/{{number}}": {"name": "Shoe size"},
    f"POST {_IN}/webhooks": {"url": "https://app.example.org/turnout", "kinds": ["created", "updated"]},
    f"POST {_IN}/webhooks/{{webhook}}/rotate": {"overlapHours": 24},
    f"PATCH {_IN}/alert-settings": {"errorPercent": 20, "off": ["first_push"]},
    f"POST {_IN}/alert-webhook": {"url": "https://chat.example.org/hooks/turnout"},
    f"POST {_IN}/followers": {"user": "usr_0193b0a1c2d3e4f5a6b7c8d9e0f1a2b3"},
    "POST installation/mail": {
        "host": "smtp.example.org",
        "port": 587,
        "security": "starttls",
        "userName": "turnout",
        "password": "as the mail server knows it",
        "sender": "turnout@example.org",
        "senderName": "Turnout",
    },
    "POST installation/mail/test": {"to": "ann@example.org"},
    "POST invitations": {"email": "ann@example.org", "role": "manager", "events": ["spring-fair-2027"]},
    "PATCH users/{user}": {"role": "viewer", "events": ["spring-fair-2027"], "seesPersonal": False},
    "POST users/{user}/password-link": {"send": False},
}
