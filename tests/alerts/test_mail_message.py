"""Letters as e-mail: what they say, and that no name in them can make them say more."""

import email
import re
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.console.naughty import NAUGHTY
from turnout.alerts.mail_message import MAX_SUBJECT, Item, Letter, Way, in_one_line, write
from turnout.model.alert import MailSettings

URL = "https://turnout.example.org/console/events/spring/pushes?result=failed&source=src_1"
PAGE = "https://turnout.example.org/console/events/spring/alerts"
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Unsubscribe",
    "MIME-Version",
    "Content-Type",
]


def make_letter(name: str = "Spring Summit", text: str = "Nothing came since 09:00.") -> Letter:
    return Letter(
        subject=f"{name}: Northwind CRM has been silent for 9 h",
        title=f"{name} has been silent for 9 h",
        paragraphs=(text, "Ask whoever looks after it."),
        way=Way("See its pushes", URL),
        items=(Item(name, text, Way("See it", URL)),),
        why=f"You get this because you follow the event {name}.",
        stop=Way("Follow it no more", PAGE),
    )


def make_settings(sender: str = "turnout@example.org", sender_name: str = "Turnout") -> MailSettings:
    return MailSettings(
        host="localhost",
        port=25,
        security="none",
        user_name=None,
        password=None,
        sender=sender,
        sender_name=sender_name,
        changed_at=1,
    )


def send(letter: Letter, settings: MailSettings | None = None, to: str = "jane@example.org") -> EmailMessage:
    """As whoever gets it reads it."""
    made = write(letter, settings or make_settings(), to, "msg_017", 1_790_000_000_000_000)
    raw = made.as_bytes()
    assert raw.isascii()
    read = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_it_says_what_it_is_about_and_who_sends_it() -> None:
    message = send(make_letter())
    assert message["Subject"] == "Spring Summit: Northwind CRM has been silent for 9 h"
    assert message["From"] == "Turnout <turnout@example.org>"
    assert message["To"] == "jane@example.org"
    assert message["Date"] == "Mon, 21 Sep 2026 14:13:20 +0000"
    assert message["Message-ID"] == "<msg_017@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == f"<{PAGE}>"
    assert message.get_content_type() == "multipart/alternative"


def test_the_way_to_stop_it_stays_a_link_however_long_it_is() -> None:
    page = f"https://turnout.{'department.' * 6}example.org/console/events/{'conference-' * 8}2027/alerts"
    letter = msgspec.structs.replace(make_letter(), stop=Way("Follow it no more", page))
    made = write(letter, make_settings(), "jane@example.org", "msg_017", 0)
    assert f"List-Unsubscribe:\r\n <{page}>\r\n".encode() in made.as_bytes()
    assert str(send(letter)["List-Unsubscribe"]).strip() == f"<{page}>"


def test_its_text_has_everything_and_the_links_to_go_on_with() -> None:
    assert part(send(make_letter()), "plain") == (
        "Spring Summit has been silent for 9 h\n\n"
        "Nothing came since 09:00.\n\n"
        "Ask whoever looks after it.\n\n"
        f"See its pushes:\n{URL}\n\n"
        f"* Spring Summit\nNothing came since 09:00.\n{URL}\n\n"
        "-- \n"
        "You get this because you follow the event Spring Summit.\n"
        f"Follow it no more: {PAGE}\n"
    )


class Seen(HTMLParser):
    """What a mail program would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "background")]

    def handle_data(self, data: str) -> None:
        self.text += data


def look(message: EmailMessage) -> Seen:
    seen = Seen()
    seen.feed(part(message, "html"))
    return seen


def test_its_html_says_the_same_and_loads_nothing() -> None:
    html = look(send(make_letter()))
    assert html.links == [URL, URL, PAGE]
    assert set(html.tags) <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "div",
        "h1",
        "p",
        "a",
        "ul",
        "li",
        "strong",
        "br",
    }
    assert "url(" not in part(send(make_letter()), "html")
    for said in ("Spring Summit has been silent for 9 h", "Nothing came since 09:00.", "See its pushes"):
        assert said in html.text
    # Colours are left to the reader's program, so that it can make them dark.
    assert not re.search(r"(?<!-)(color|background)\s*:", part(send(make_letter()), "html"))


def test_the_same_message_is_the_same_each_time() -> None:
    one, other = send(make_letter()), send(make_letter())
    assert one["Message-ID"] == other["Message-ID"]
    assert one["Date"] == other["Date"]


@pytest.mark.parametrize(
    "name",
    [
        *NAUGHTY,
        "Spring\r\nBcc: all@example.org",
        "a\nb",
        "=?utf-8?q?x=0ABcc?=",
        "é" * 100,
        'é"@,.' * 18,
        "A. B, Inc." * 9,
        "\u2028\u202e.",
        '😀 ü, "x" <y@z>',
    ],
)
def test_names_that_mean_harm_stay_names(name: str) -> None:
    check(name)


@settings(deadline=None)
@given(st.text(max_size=400))
def test_no_name_adds_a_header_or_a_line(name: str) -> None:
    check(f"{name}.")


def read_words(header: str) -> str:
    """As the standard has it: white space between two encoded words is none. (The library's newer reader keeps it.)"""
    return str(make_header(decode_header(re.sub(r"\r?\n", "", header)))).strip()


def check(name: str) -> None:
    harmless = send(make_letter())
    letter, settings = make_letter(name, name), make_settings(sender_name=name)
    message = send(letter, settings)
    head, _, _ = write(letter, settings, "jane@example.org", "msg_017", 1).as_bytes().partition(b"\r\n\r\n")
    raw = email.message_from_bytes(head)
    # An encoded word, and its line, are not longer than readers have to understand (RFC 2047).
    assert all(len(line) <= 78 or b"=?" not in line for line in head.splitlines())
    assert message.keys() == HEADERS == harmless.keys()
    shown = in_one_line(name).replace("=?", "= ?")
    subject = in_one_line(f"{name}: Northwind CRM has been silent for 9 h").replace("=?", "= ?")
    if len(subject) > MAX_SUBJECT:
        subject = f"{subject[: MAX_SUBJECT - 1].rstrip()}…"
    assert read_words(raw["Subject"]) == subject
    assert read_words(raw["From"].rpartition(" <")[0]) == shown
    assert [one.addr_spec for one in message["From"].addresses] == ["turnout@example.org"]
    assert [one.addr_spec for one in message["To"].addresses] == ["jane@example.org"]
    assert len(part(message, "plain").splitlines()) == len(part(harmless, "plain").splitlines())
    html = look(message)
    assert html.tags == look(harmless).tags
    assert html.links == look(harmless).links


@pytest.mark.parametrize(
    "to",
    ["a..b@example.org", '"jane,doe"@example.org', "o'neil+x@example.org", "jane@[192.0.2.1]", "jane@exämple.org"],
)
def test_odd_addresses_are_one_address(to: str) -> None:
    message = send(make_letter(), make_settings(sender=to), to)
    assert len(message["To"].addresses) == len(message["From"].addresses) == 1
    assert message["Message-ID"].startswith("<msg_017@")


def test_what_joins_letters_stays() -> None:
    assert in_one_line("👩\u200d💻 می\u200cخواهم") == "👩\u200d💻 می\u200cخواهم"
    assert in_one_line("a\u200bb\u202ec\x00d\r\n e") == "a b c d e"
