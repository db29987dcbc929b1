"""The pages of an event's settings: viewers see them, managers change what is there."""

from turnout.console.page import Page
from turnout.console.settings import event_settings, names, sources, webhooks

_IN = "events/{event}/settings"
_SOURCE = f"{_IN}/sources/{{source}}"
_NAME = f"{_IN}/names/{{kind}}/{{number}}"
_WEBHOOK = f"{_IN}/webhooks/{{webhook}}"

pages = [
    Page("GET", _IN, "viewer", event_settings.show),
    Page("POST", f"{_IN}/set/{{group}}", "manager", event_settings.change),
    Page("POST", f"{_IN}/undo", "manager", event_settings.undo),
    Page("GET", _SOURCE, "viewer", sources.show),
    Page("POST", _SOURCE, "manager", sources.change),
    Page("POST", f"{_SOURCE}/undo", "manager", sources.undo),
    Page("GET", f"{_SOURCE}/rename", "manager", sources.ask_rename),
    Page("POST", f"{_SOURCE}/rename", "manager", sources.rename),
    Page("POST", f"{_SOURCE}/undo-rename", "manager", sources.undo_rename),
    Page("GET", f"{_IN}/names", "viewer", names.show),
    Page("GET", f"{_NAME}/rename", "manager", names.ask_rename),
    Page("POST", f"{_NAME}/rename", "manager", names.rename),
    Page("POST", f"{_NAME}/undo-rename", "manager", names.undo_rename),
    Page("POST", f"{_NAME}/staff-only", "manager", names.set_staff_only),
    Page("GET", f"{_IN}/webhooks", "viewer", webhooks.show),
    Page("GET", f"{_IN}/new-webhook", "manager", webhooks.show_new),
    Page("POST", f"{_IN}/new-webhook", "manager", webhooks.create),
    Page("GET", _WEBHOOK, "viewer", webhooks.show_one),
    Page("POST", f"{_WEBHOOK}/pause", "manager", webhooks.pause),
    Page("POST", f"{_WEBHOOK}/resume", "manager", webhooks.resume),
    Page("POST", f"{_WEBHOOK}/test", "manager", webhooks.try_out),
    Page("POST", f"{_WEBHOOK}/deliveries/{{delivery}}/resend", "manager", webhooks.resend_one),
    Page("GET", f"{_WEBHOOK}/rotate", "manager", webhooks.ask_rotate),
    Page("POST", f"{_WEBHOOK}/rotate", "manager", webhooks.rotate),
    Page("GET", f"{_WEBHOOK}/delete", "manager", webhooks.ask_delete),
    Page("POST", f"{_WEBHOOK}/delete", "manager", webhooks.delete),
]
