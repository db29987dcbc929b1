"""The pages of an event's alerts: whoever sees the event can follow them, managers set of what and whom they tell."""

from turnout.console.alerts import alerts, followers, settings, webhook
from turnout.console.page import Page

_IN = "events/{event}/alerts"

pages = [
    Page("GET", _IN, "viewer", alerts.show),
    Page("GET", f"{_IN}/open", "viewer", alerts.show_open),
    Page("POST", f"{_IN}/follow", "viewer", followers.follow),
    Page("POST", f"{_IN}/unfollow", "viewer", followers.unfollow),
    Page("POST", f"{_IN}/{{alert}}/dismiss", "manager", alerts.dismiss),
    Page("GET", f"{_IN}/settings", "viewer", settings.show),
    Page("POST", f"{_IN}/settings", "manager", settings.change),
    Page("POST", f"{_IN}/settings/undo", "manager", settings.undo),
    Page("POST", f"{_IN}/followers/add", "manager", followers.add),
    Page("POST", f"{_IN}/followers/{{user}}/remove", "manager", followers.remove),
    Page("POST", f"{_IN}/webhook", "manager", webhook.put),
    Page("POST", f"{_IN}/webhook/test", "manager", webhook.try_out),
    Page("GET", f"{_IN}/webhook/remove", "manager", webhook.ask_remove),
    Page("POST", f"{_IN}/webhook/remove", "manager", webhook.remove),
]
