"""Settings as the audit log has them: what was set, and no secret. Pure."""

from turnout.model.alert import AlertSettings, MailSettings


def describe_settings(settings: AlertSettings) -> dict[str, object]:
    """Of what an event's people are told."""
    return {
        "off": sorted(settings.off),
        "errorPercent": settings.error_percent,
        "fallPercent": settings.fall_percent,
        "keyDays": settings.key_days,
    }


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
