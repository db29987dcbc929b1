"""A CSV that an integrator drops: looked at, sent, and what failed given back."""

import base64
import re
from typing import Any

from playwright.sync_api import expect

from tests.console.browser import Screens
from tests.console.handout.given_away import make_link, read_text
from tests.console.looks import check_axe, check_fits
from tests.console.signed_in import Visitor
from tests.product import Product

ROWS = b"email,firstName,Shoe size,groups\nann@example.org,Ann,38,Crew\nnobody,Bob,,\n"


def _read_looked(page: str) -> str:
    found = re.search(r'name="looked" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def test_a_file_is_looked_at_and_then_sent_and_what_failed_comes_back(product: Product, nobody: Visitor) -> None:
    event = product.make_event()
    link = make_link(event, mode="live")
    looked = nobody.post(f"{link}/csv", fragment=True, files={"file": ("people.csv", ROWS)}).text
    told = read_text(looked)
    assert "people.csv: 2 rows" in told
    assert "1 of 2 would fail" in told
    assert "Shoe size . They are kept" in told
    assert "call the column profile.customFields.Shoe size ." in told
    assert "it has no @" in told
    assert [change.kind for change in event.changes()] == ["setting_changed"]
    form: dict[str, Any] = {"deed": "send", "looked": _read_looked(looked)}
    other = nobody.post(f"{link}/csv", fragment=True, files={"file": ("p.csv", ROWS + b"\n")}, **form)
    assert "another file than the one that you looked at" in other.text
    assert [change.kind for change in event.changes()] == ["setting_changed"]
    sent = nobody.post(f"{link}/csv", fragment=True, files={"file": ("people.csv", ROWS)}, **form).text
    assert "created 1" in read_text(sent)
    assert "failed 1" in read_text(sent)
    packed = re.search(r"data:text/csv;base64,([\w+/=]+)", sent)
    assert packed
    failed = base64.b64decode(packed[1]).decode("utf-8-sig").splitlines()
    assert failed[0].startswith("email,firstName,Shoe size,groups,")
    assert failed[1].startswith("nobody,Bob,,,")
    assert event.attendee("ann@example.org")["groups"] == ["Crew"]


def test_without_a_script_it_is_a_page_of_its_own(product: Product, nobody: Visitor) -> None:
    link = make_link(product.make_event())
    looked = nobody.post(f"{link}/csv", files={"file": ("people.csv", ROWS)}).text
    assert "<html" in looked
    assert "Choose the same file once more" in looked
    form: dict[str, Any] = {"deed": "send", "looked": _read_looked(looked)}
    sent = nobody.post(f"{link}/csv", files={"file": ("people.csv", ROWS)}, **form)
    assert "2 rows were rehearsed" in read_text(sent.text)
    assert "nobody was made or changed" in sent.text
    assert nobody.get(f"{link}/csv").status_code == 303


def test_what_is_no_csv_or_too_large_says_so(product: Product, nobody: Visitor) -> None:
    link = make_link(product.make_event())
    for content, words in (
        (b"", "Choose a CSV file"),
        (b"PK\x03\x04rest", "This is an Excel workbook"),
        (b'{"a": 1}', "This is JSON, not CSV"),
        (b"email\n" + b"x" * 10_485_760, "more than 10 MB"),
    ):
        answer = nobody.post(f"{link}/csv", fragment=True, files={"file": ("people.csv", content)})
        assert answer.status_code == 422
        assert words in read_text(answer.text)
        assert "<html" not in answer.text
    for is_fragment in (True, False):
        answer = nobody.post(f"{link}/csv", fragment=is_fragment, files={"file": ("people.csv", b"x" * 12_000_000)})
        assert answer.status_code == 413
        assert "What you sent is larger than this page takes" in answer.text
        assert ("<html" in answer.text) is not is_fragment
    assert nobody.post(f"{link}/key", padding="x" * 1_000_000).status_code == 413
    assert "Show my key" in nobody.get(link).text


def test_a_file_is_chosen_looked_at_and_sent_in_a_browser(product: Product, screens: Screens) -> None:
    event = product.make_event()
    page = screens.open_at(product.server.url, dark=True)
    page.goto(make_link(event))
    page.set_input_files("#file", {"name": "people.csv", "mimeType": "text/csv", "buffer": ROWS})
    page.get_by_role("button", name="Send 2 rows").click()
    expect(page.get_by_text("2 rows were rehearsed")).to_be_visible()
    expect(page.locator("#came")).to_contain_text("ann@example.org")
    # The file's field names it.
    expect(page.locator("#drop-said")).to_have_text("At most 10 MB and 10,000 rows.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the failed rows").click()
    assert download.value.suggested_filename == "failed.csv"
    check_axe(page)
    check_fits(page)
    page.evaluate("document.getElementById('drop').dataset.max = '3'")
    page.set_input_files("#file", {"name": "big.csv", "mimeType": "text/csv", "buffer": ROWS})
    expect(page.locator("#drop-said")).to_contain_text("big.csv is too large")
