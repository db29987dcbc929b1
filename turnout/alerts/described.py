"""Settings as the audit log has them, what was set, and no secret; facts as programs read them. Pure."""

from turnout.model.alert import AlertSettings, Facts, MailSettings
from turnout.now import as_text

_TIMES = frozenset(("at", "since", "last", "expires", "dismissed"))
"""Facts that are moments."""


def describe_settings(settings: AlertSettings) -> dict[str, object]:
    """Of what an event's people are told."""
    return {
        "off": sorted(settings.off),
        "errorPercent": settings.error_percent,
        "fallPercent": settings.fall_percent,
        "keyDays": settings.key_days,
    }


def describe_facts(facts: Facts) -> Facts:
    """Of an alert, its moments as answers write them."""
    return {name: as_text(fact) if name in _TIMES and isinstance(fact, int) else fact for name, fact in facts.items()}


def describe_mail(settings: MailSettings | None) -> dict[str, object] | None:
    """Where mails go, and as whom; never the password."""
    if settings is None:
        return None
    return {
        "host": settings.host,
        "port": settings.port,
        "security": settings.security,
        "userName": settings.user_name,
        "sender": settings.sender,
        "senderName": settings.sender_name,
    }
