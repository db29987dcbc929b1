"""A letter as people get it by e-mail: text, and the same as HTML that loads nothing from anywhere."""

import re
import unicodedata
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from turnout.model.alert import MailSettings
from turnout.outside.mail import as_ascii

MAX_SUBJECT = 150
_JOINERS = "\u200c\u200d"
"""Not to be seen, but part of how some scripts are written, and of emoji."""
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/?^_`{|}~ -]*")
"""Words that stand in a sender's name as they are (RFC 5322)."""
_MAX_LINE = 75
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


class Way(msgspec.Struct, frozen=True):
    """Something to click on."""

    label: str
    url: str


class Item(msgspec.Struct, frozen=True):
    """One of several things that a letter tells of."""

    title: str
    text: str
    way: Way | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is told."""

    subject: str
    title: str
    paragraphs: tuple[str, ...] = ()
    way: Way | None = None
    items: tuple[Item, ...] = ()
    why: str
    """Why they get this."""
    stop: Way | None = None
    """Where they say that they want it no more."""


def write(letter: Letter, settings: MailSettings, to: str, message_id: str, at: int) -> EmailMessage:
    """The letter to this address, the same each time for the same message and time of it."""
    message = EmailMessage(policy=_POLICY)
    sender = as_ascii(settings.sender)
    message["From"] = _name_sender(sender, settings.sender_name)
    message["To"] = as_ascii(to)
    message["Subject"] = _shorten(_in_header(letter.subject))
    message["Date"] = format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC))
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    # Nobody's absence note is wanted in return.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if letter.stop is not None:
        message["List-Unsubscribe"] = f"<{letter.stop.url}>"
    shown = _tidy(letter)
    message.set_content(_write_text(shown))
    message.add_alternative(_templates.get_template("letter.html").render(letter=shown), subtype="html")
    return message


class _Policy(EmailPolicy):
    """Headers with somebody's words in them are written here: the library's way of breaking long ones can lose quotes,
    so that a name becomes an address (Python 3.11). Of a long link it makes encoded words, which no program opens.
    """

    def fold(self, name: str, value: Any) -> str:
        if name == "List-Unsubscribe" and len(name) + len(str(value)) > _MAX_LINE:
            return f"{name}:\r\n {value}\r\n"
        if name == "Subject":
            return f"{name}: {_encode(str(value), len(name))}\r\n"
        if name == "From" and value.addresses[0].display_name:
            [sender] = value.addresses
            return f"{name}: {_encode(sender.display_name, len(name), _ATOMS)}\r\n <{sender.addr_spec}>\r\n"
        return super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name in ("Subject", "From", "List-Unsubscribe"):
            return self.fold(name, value).encode()
        return super().fold_binary(name, value)


def _encode(text: str, used: int, plain: re.Pattern[str] = re.compile(r"[ -~]*")) -> str:
    """The text as a header has it (RFC 2047), in lines; as it is where it is plain."""
    charset = "us-ascii" if plain.fullmatch(text) else "utf-8"
    return Header(text, charset, maxlinelen=_MAX_LINE, header_name=" " * used).encode(linesep="\r\n")


# Servers need not take 8-bit bodies. (Cast, as the library's types know no policy but its own.)
_POLICY = cast("Any", _Policy)(linesep="\r\n", cte_type="7bit")


def in_one_line(text: str) -> str:
    """The text without line breaks, and without what is not seen or changes the direction of what follows."""
    kept = (" " if _is_unseen(letter) else letter for letter in text)
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def _in_header(text: str) -> str:
    """The same, without what the library would take for an encoded word, and decode."""
    return in_one_line(text).replace("=?", "= ?")


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter not in _JOINERS


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_SUBJECT else f"{text[: MAX_SUBJECT - 1].rstrip()}…"


def _name_sender(address: str, name: str) -> Address | str:
    try:
        return Address(display_name=_in_header(name), addr_spec=address)
    except ValueError:
        # Addresses that are in use, whatever the standard says: `a..b@example.org`.
        return address


def _tidy(letter: Letter) -> Letter:
    """What it says, with each text in one line: a name with line breaks cannot look like something of ours."""
    return msgspec.structs.replace(
        letter,
        title=in_one_line(letter.title),
        paragraphs=tuple(shown for one in letter.paragraphs if (shown := in_one_line(one))),
        items=tuple(
            msgspec.structs.replace(one, title=in_one_line(one.title), text=in_one_line(one.text))
            for one in letter.items
        ),
        why=in_one_line(letter.why),
    )


def _write_text(letter: Letter) -> str:
    blocks = [letter.title, *letter.paragraphs]
    blocks += [f"{letter.way.label}:\n{letter.way.url}"] if letter.way is not None else []
    blocks += ["\n".join([f"* {one.title}", one.text, *([one.way.url] if one.way else [])]) for one in letter.items]
    stop = f"\n{letter.stop.label}: {letter.stop.url}" if letter.stop is not None else ""
    # As mail programs know where a text ends and what is always there begins.
    return "\n\n".join([*blocks, f"-- \n{letter.why}{stop}"]) + "\n"
