"""The addresses of attendees."""

from turnout.console.attendees.files import delete_file, fetch_file, make_file, show_files
from turnout.console.attendees.lists import show_list, watch_list
from turnout.console.attendees.person import show_person, watch_person
from turnout.console.page import Page

_WAY = "events/{event}/attendees"

pages = [
    Page("GET", _WAY, "viewer", show_list),
    Page("GET", f"{_WAY}/live", "viewer", watch_list),
    Page("GET", f"{_WAY}/files", "viewer", show_files),
    Page("POST", f"{_WAY}/files", "viewer", make_file),
    Page("GET", f"{_WAY}/files/{{file}}", "viewer", fetch_file),
    Page("POST", f"{_WAY}/files/{{file}}/delete", "viewer", delete_file),
    Page("GET", f"{_WAY}/{{attendee}}", "viewer", show_person),
    Page("GET", f"{_WAY}/{{attendee}}/live", "viewer", watch_person),
]
