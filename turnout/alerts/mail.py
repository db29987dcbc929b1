"""The mail server that the installation sends by: set up, tried out, and used for links that are good once."""

import re

from turnout.access.links import INVITATION_LASTS_US, PASSWORD_LASTS_US, MadeLink
from turnout.alerts import letters
from turnout.alerts.mail_message import Letter, in_one_line, write
from turnout.errors import Conflict, InvalidRequest
from turnout.feed.parse.values import is_address
from turnout.model.alert import MailSecurity, MailSettings
from turnout.model.event import DAY_US
from turnout.model.user import Invitation
from turnout.now import new_id, now_us
from turnout.outside.mail import MailRefused, send
from turnout.store import alert_messages, events, sealing
from turnout.store import mail as stored
from turnout.store.database import Database

BELONGS_TO = "mail"
"""What the password is sealed for."""
MAX_NAME = 100
_MAX_TEXT = 500
_SECURITIES: tuple[MailSecurity, ...] = ("tls", "starttls", "none")
_HOST = re.compile(r"[^\s/@:?#\[\]]{1,253}|[0-9A-Fa-f:.]{2,45}")
CANNOT_OPEN = (
    "The mail server’s password was sealed with another secret key and cannot be opened: type it again where e-mail is "
    "set up."
)


def get(database: Database) -> MailSettings | None:
    """None where no mail server is set up."""
    with database.read() as connection:
        return stored.find_settings(connection)


def change(
    database: Database,
    *,
    host: str,
    port: int,
    security: str,
    user_name: str | None,
    password: str | None,
    sender: str,
    sender_name: str,
) -> MailSettings:
    """Takes these in place of those there are; what waits to be sent is tried at once.

    `password`: None keeps the one there is, "" takes it away. It is never kept for another server, which could be one
    that somebody listens at. Raises InvalidRequest with everything that cannot be meant.
    """
    host, sender, user_name = host.strip(), sender.strip(), (user_name or "").strip() or None
    read_security = next((one for one in _SECURITIES if one == security), None)
    faults = _list_faults(host, port, user_name, password, sender, sender_name)
    if read_security is None:
        faults.append(f"The encryption is one of {', '.join(_SECURITIES)}.")
    if faults or read_security is None:
        raise InvalidRequest(" ".join(faults))
    sealed = sealing.seal(database.secret_key, password.encode(), BELONGS_TO) if password else None
    now = now_us()
    with database.write() as connection:
        former = stored.find_settings(connection)
        if password is None and former is not None:
            _expect_same_server(former, host, port, read_security)
            sealed = former.password
        settings = MailSettings(
            host=host,
            port=port,
            security=read_security,
            user_name=user_name,
            password=sealed if user_name is not None else None,
            sender=sender,
            sender_name=in_one_line(sender_name),
            changed_at=now,
        )
        stored.put_settings(connection, settings)
        alert_messages.hasten_mails(connection, now)
    return settings


def _expect_same_server(former: MailSettings, host: str, port: int, security: MailSecurity) -> None:
    """Raises InvalidRequest where the password would go somewhere else than it was typed for."""
    if former.password is not None and (former.host, former.port, former.security) != (host, port, security):
        raise InvalidRequest(
            "Type the password again: it was typed for another host, port or encryption, and is not sent anywhere else."
        )


def _list_faults(
    host: str, port: int, user_name: str | None, password: str | None, sender: str, sender_name: str
) -> list[str]:
    faults = []
    if not _HOST.fullmatch(host):
        faults.append("The host is a name like smtp.example.org, without http:// and without the port.")
    if not 1 <= port <= 65_535:
        faults.append("The port is a number from 1 to 65535; often 587 or 465.")
    if not is_address(sender):
        faults.append("The sender is an e-mail address, like turnout@example.org.")
    for name, text, most in (
        ("sender’s name", sender_name, MAX_NAME),
        ("user name", user_name or "", _MAX_TEXT),
        ("password", password or "", _MAX_TEXT),
    ):
        if len(text) > most or not text.isprintable():
            faults.append(f"The {name} has up to {most} characters in one line.")
    if password and user_name is None:
        faults.append("There is a password and no user name: give both or none.")
    return faults


def remove(database: Database) -> None:
    """No e-mail is sent any more."""
    with database.write() as connection:
        stored.remove_settings(connection)


def test(database: Database, to: str) -> str | None:
    """Sends a message to this address now. None where the server has taken it; else what went wrong, in words.

    Raises Conflict where no mail server is set up, InvalidRequest where this is no address.
    """
    return _send(database, letters.of_test(), to)


def send_link(database: Database, public_url: str, link: MadeLink, to: str) -> str | None:
    """Sends a link for whoever is invited, or for a new password. Gives and raises what `test` does."""
    return _send(database, write_link(database, link, public_url), to)


def write_link(database: Database, link: MadeLink, public_url: str) -> Letter:
    if link.link.kind == "password":
        return letters.of_new_password(link.url, public_url, PASSWORD_LASTS_US // (3_600 * 1_000_000))
    by = link.link.actor or ""
    return letters.of_invitation(
        link.url,
        public_url,
        INVITATION_LASTS_US // DAY_US,
        by=by if "@" in by else "",
        events=_name_events(database, link.link.invited),
    )


def _name_events(database: Database, invited: Invitation | None) -> list[str] | None:
    """None for all."""
    if invited is None or not invited.events:
        return [] if invited is None or not invited.all_events else None
    with database.read() as connection:
        return [event.name for event in events.list_events(connection) if event.id in invited.events]


def _send(database: Database, letter: Letter, to: str) -> str | None:
    to = to.strip()
    if not is_address(to):
        raise InvalidRequest(f"{to!r} is not an e-mail address. Write it like jane@example.org.")
    settings = get(database)
    if settings is None:
        raise Conflict("No mail server is set up, so nothing can be sent. An administrator does that under E-mail.")
    now = now_us()
    failure = None
    try:
        send(settings, open_password(database, settings), write(letter, settings, to, new_id("msg"), now))
    except MailRefused as error:
        failure = error.said
        if not error.of_server:
            # The server is well.
            return failure
    with database.write() as connection:
        if failure is None:
            stored.note_success(connection, now_us())
        else:
            stored.note_failure(connection, now_us(), failure)
    return failure


def open_password(database: Database, settings: MailSettings) -> str | None:
    """What the server is told. Raises MailRefused where it cannot be opened."""
    if settings.password is None:
        return None
    try:
        return sealing.unseal(database.secret_key, settings.password, BELONGS_TO).decode()
    except sealing.CannotOpen as error:
        raise MailRefused(CANNOT_OPEN) from error
