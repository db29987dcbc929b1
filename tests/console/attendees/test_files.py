"""Files of attendees: from the list to the file on the disk, who gets one, and what the audit log says of it."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.attendees.peopled import get_ok, read_text
from tests.console.browser import Screens
from tests.console.conftest import SignIn
from tests.downstream.attendees.crowd import make_crowd, push_crowd
from tests.downstream.exports.asking import Asker, nobody_makes, wait_for_row
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.downstream.exports.asking import MAX_OPEN


@pytest.fixture
def event(product: Product) -> TestedEvent:
    event = product.make_event()
    push_crowd(event, make_crowd(60))
    return event


def find_files(page: str) -> list[str]:
    """The ids of the exports in the list."""
    return re.findall(r'<tr id="(exp_\w+)"', page)


def test_a_file_has_what_the_export_over_http_has(event: TestedEvent, sign_in: SignIn) -> None:
    viewer, path = sign_in("viewer", event), f"events/{event.slug}/attendees/files"
    asker = Asker(event)
    answer = viewer.follow(viewer.post(path, format="csv", group="VIP"))
    assert "The file is being made." in answer.text
    (export_id,) = find_files(answer.text)
    wait_for_row(event, export_id, "done")
    page = get_ok(viewer, path, fragment=True)
    assert ("ready" in page, "hx-trigger" in page) == (True, False)
    sent = viewer.get(f"{path}/{export_id}")
    assert sent.content == asker.make(format="csv", group="VIP")
    assert sent.headers["content-disposition"].endswith('.csv"')
    assert sent.headers["cache-control"] == "no-store"
    assert sent.headers["x-content-type-options"] == "nosniff"
    lines = audit.list_lines(event.database, event_id=event.id)
    assert [(line.action, line.outcome, line.target, line.after) for line in reversed(lines)] == [
        ("attendees.export", "done", export_id, {"format": "csv", "filters": ["group"]}),
        ("attendees.fetch", "done", export_id, None),
    ]


def test_a_file_of_a_search_has_whom_it_finds_and_says_nobodys_name(event: TestedEvent, sign_in: SignIn) -> None:
    viewer, path = sign_in("viewer", event), f"events/{event.slug}/attendees/files"
    (export_id,) = find_files(viewer.follow(viewer.post(path, format="ndjson", q="gros", status="all")).text)
    wait_for_row(event, export_id, "done")
    listed = get_ok(viewer, f"events/{event.slug}/attendees", q="gros", status="all")
    found = viewer.get(f"{path}/{export_id}").text.splitlines()
    assert 0 < len(found) < 60
    assert f"{len(found)} attendees" in read_text(listed)
    assert "gros" not in get_ok(viewer, path)
    assert "Everybody, found by a search" in read_text(get_ok(viewer, path))
    assert "gros" not in str(audit.list_lines(event.database, event_id=event.id))


def test_who_may_not_see_names_gets_no_file(product: Product, event: TestedEvent, sign_in: SignIn) -> None:
    path = f"events/{event.slug}/attendees/files"
    viewer, masked = sign_in("viewer", event), sign_in("viewer", event, sees_personal=False)
    (export_id,) = find_files(viewer.follow(viewer.post(path)).text)
    wait_for_row(event, export_id, "done")
    answers = [
        masked.get(path),
        masked.post(path),
        masked.get(f"{path}/{export_id}"),
        masked.post(f"{path}/{export_id}/delete"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    other = product.make_event()
    stranger = sign_in("manager", other)
    assert stranger.get(f"{path}/{export_id}").status_code == 404
    assert stranger.get(f"events/{other.slug}/attendees/files/{export_id}").status_code == 404
    # What a key has asked for is the key's.
    asker = Asker(event)
    assert viewer.get(f"{path}/{asker.ask_ok()}").status_code == 404


def test_a_file_is_deleted_by_whoever_made_it_or_a_manager(event: TestedEvent, sign_in: SignIn) -> None:
    path = f"events/{event.slug}/attendees/files"
    ann, bob, manager = sign_in("viewer", event), sign_in("viewer", event), sign_in("manager", event)
    for who, status in ((bob, 403), (ann, 303), (manager, 303)):
        export_id = find_files(ann.follow(ann.post(path)).text)[0]
        wait_for_row(event, export_id, "done")
        assert ("Delete" in get_ok(who, path)) == (status == 303)
        assert who.post(f"{path}/{export_id}/delete").status_code == status
        assert ann.get(f"{path}/{export_id}").status_code == (200 if status == 403 else 404)
        if status == 403:
            ann.post(f"{path}/{export_id}/delete")
    assert "No exports yet" in get_ok(ann, path)


def test_nobody_has_more_made_at_once_than_others_can_wait_for(event: TestedEvent, sign_in: SignIn) -> None:
    viewer, path = sign_in("viewer", event), f"events/{event.slug}/attendees/files"
    with nobody_makes(event.database):
        for _ in range(MAX_OPEN):
            assert viewer.post(path).status_code == 303
        refused = viewer.post(path, group="VIP", format="xlsx")
        assert (refused.status_code, f"{MAX_OPEN} exports of yours" in read_text(refused.text)) == (429, True)
        assert 'value="xlsx" checked' in refused.text
        page = get_ok(viewer, path)
        assert 'hx-trigger="load delay:1s"' in page
        for export_id in find_files(page):
            viewer.post(f"{path}/{export_id}/delete")
    assert viewer.post(path, format="nonsense").status_code == 400
    assert viewer.post(path, group="Nowhere").status_code == 400


def test_from_the_list_to_the_file(event: TestedEvent, sign_in: SignIn, screens: Screens) -> None:
    page = screens.open(sign_in("viewer", event), f"events/{event.slug}/attendees")
    page.get_by_role("combobox", name="Group").select_option("Press")
    page.get_by_role("link", name="Export these").click()
    expect(page.get_by_text("Attending, in Press").first).to_be_visible()
    page.get_by_role("radio", name="CSV").check()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_text("ready")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    content = download.value.path().read_bytes()
    assert content == Asker(event).make(format="csv", group="Press")
    assert re.fullmatch(r"attendees-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
