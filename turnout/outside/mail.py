"""One e-mail to the SMTP server that was set up: safely where that is asked for, in bounded time, and in words if not.

The server may be on the inside: only an administrator says which it is. It is spoken to in SMTP alone.
"""

import base64
import contextlib
import smtplib
import socket
import ssl
import threading
import unicodedata
from collections.abc import Generator
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Self

from turnout.model.alert import MailSettings

TIMEOUT_S = 15.0
"""For one answer of the server …"""
LIMIT_S = 45.0
"""… and for all of a message, once the server is connected to."""
_GOODBYE_S = 2.0
_MAX_SAID = 300
"""Characters of what a server says."""
_SIGNED_IN = (235, 503)


class MailRefused(Exception):
    """The message was not taken; what the server said, and what to do, in words."""

    def __init__(self, said: str, *, permanent: bool = False, of_server: bool = True) -> None:
        super().__init__(said)
        self.said = said
        self.permanent = permanent
        """Whether to try the same again is of no use."""
        self.of_server = of_server
        """Whether the next message would fare alike: it is the server, or how it was set up, and not this message."""


def as_ascii(address: str) -> str:
    """The address with its domain as name servers know it (IDNA), which every mail server takes."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def send(settings: MailSettings, password: str | None, message: EmailMessage) -> None:
    """Hands the message to the server, for whom its `To` names. Raises MailRefused.

    In the thread that calls, which may take a minute.
    """
    where = f"{settings.host}, port {settings.port},"
    try:
        _send(settings, password, message, where)
    except (TimeoutError, smtplib.SMTPServerDisconnected) as error:
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            raise MailRefused(
                f"{where} did not answer within {TIMEOUT_S:g} s. Check the host and the port, whether the server wants "
                "TLS from the start, and that no firewall is between."
            ) from error
        raise MailRefused(f"{where} hung up before it had taken the message.") from error
    except ssl.SSLCertVerificationError as error:
        raise MailRefused(
            f"{where} has shown a certificate that this machine does not trust: {error.verify_message}. Use the name "
            "that the certificate is for, or let the machine know the authority that has signed it."
        ) from error
    except ssl.SSLError as error:
        raise MailRefused(
            f"There is no safe connection with {where} {error.reason or error}. Port 465 usually wants TLS from the "
            "start, port 587 STARTTLS."
        ) from error
    except smtplib.SMTPException as error:
        raise MailRefused(f"{where} did not do as SMTP says: {_clean(str(error))}") from error
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name"
        raise MailRefused(
            f"The name {settings.host} cannot be looked up: {reason}. Check how it is spelled."
        ) from error
    except OSError as error:
        raise MailRefused(
            f"Cannot connect to {where} {error.strerror or error}. Check the host and the port."
        ) from error


def _send(settings: MailSettings, password: str | None, message: EmailMessage, where: str) -> None:
    with _Deadline() as deadline:
        client = _Client(settings, deadline)
        try:
            with deadline.explained(where):
                client.begin(where)
                if settings.user_name is not None:
                    _sign_in(client, settings, settings.user_name, password or "", where)
                _hand_over(client, message, where)
        finally:
            client.end()


class _Client(smtplib.SMTP):
    """A conversation, of which the deadline knows the connection from its first byte on."""

    def __init__(self, settings: MailSettings, deadline: "_Deadline") -> None:
        self._settings = settings
        self._deadline = deadline
        # Reads the system's certificates.
        self._context = None if settings.security == "none" else ssl.create_default_context()
        # Not this machine's own name, which takes a look-up, and which strict servers do not know.
        super().__init__(local_hostname=as_ascii(settings.sender).rpartition("@")[2], timeout=TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), timeout)
        self._deadline.watch(connection)
        if self._settings.security == "tls" and self._context is not None:
            return self._context.wrap_socket(connection, server_hostname=host)
        return connection

    def begin(self, where: str) -> None:
        """Connects, and makes it safe where that is asked for. Raises MailRefused."""
        # What a certificate is compared with: the library takes it from its constructor alone.
        self._host = self._settings.host
        code, said = self.connect(self._settings.host, self._settings.port)
        if code != 220:
            raise MailRefused(f"{where} does not want to talk: {_say(code, said)}")
        try:
            self.ehlo_or_helo_if_needed()
        except smtplib.SMTPHeloError as error:
            raise MailRefused(f"{where} does not want to talk: {_say(error.smtp_code, error.smtp_error)}") from error
        if self._settings.security == "starttls":
            self._make_safe(where)

    def _make_safe(self, where: str) -> None:
        """Nothing is ever sent in the clear because this has failed."""
        try:
            self.starttls(context=self._context)
        except (smtplib.SMTPNotSupportedError, smtplib.SMTPResponseException) as error:
            raise MailRefused(
                f"{where} does not offer STARTTLS, so nothing was sent. Choose TLS from the start (often port 465), or "
                "no encryption if the server is on this machine."
            ) from error
        self.ehlo_or_helo_if_needed()

    def is_on_this_machine(self) -> bool:
        assert self.sock is not None
        return ip_address(str(self.sock.getpeername()[0]).partition("%")[0]).is_loopback

    def end(self) -> None:
        """Says goodbye, whatever the server makes of that: what it has taken it has taken."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if self.sock is not None:
                self.sock.settimeout(_GOODBYE_S)
                self.quit()
        self.close()


def _sign_in(client: _Client, settings: MailSettings, user_name: str, password: str, where: str) -> None:
    if settings.security == "none" and not client.is_on_this_machine():
        raise MailRefused(
            f"{where} is another machine, and without encryption anybody on the way could read the password: it was "
            "not sent. Choose TLS or STARTTLS, or leave user name and password empty."
        )
    try:
        if (user_name + password).isascii():
            client.login(user_name, password)
        else:
            _sign_in_unicode(client, user_name, password)
    except smtplib.SMTPAuthenticationError as error:
        raise MailRefused(
            f"{where} does not take the user name and password: {_say(error.smtp_code, error.smtp_error)}. Many "
            "providers want a password made for applications, not the account's own."
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(
            f"{where} does not let anybody sign in. Leave user name and password empty, or use another port."
        ) from error


def _sign_in_unicode(client: _Client, user_name: str, password: str) -> None:
    """The library knows ASCII alone; RFC 4616 has UTF-8."""
    if not client.has_extn("auth"):
        raise smtplib.SMTPNotSupportedError
    plain = base64.b64encode(f"\0{user_name}\0{password}".encode()).decode()
    code, said = client.docmd("AUTH", f"PLAIN {plain}")
    if code not in _SIGNED_IN:
        raise smtplib.SMTPAuthenticationError(code, said)


def _hand_over(client: _Client, message: EmailMessage, where: str) -> None:
    try:
        client.send_message(message)
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(
            f"{where} takes no addresses with letters beyond ASCII before the @ (SMTPUTF8).",
            permanent=True,
            of_server=False,
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        [(code, said)] = error.recipients.values()
        raise MailRefused(
            f"{where} does not take messages for this address: {_say(code, said)}",
            permanent=_is_final(code),
            of_server=False,
        ) from error
    except smtplib.SMTPSenderRefused as error:
        raise MailRefused(
            f"{where} does not let {error.sender} send: {_say(error.smtp_code, error.smtp_error)}. Give a sender's "
            "address that belongs to the account."
        ) from error
    except smtplib.SMTPDataError as error:
        raise MailRefused(
            f"{where} does not take the message: {_say(error.smtp_code, error.smtp_error)}",
            permanent=_is_final(error.smtp_code),
        ) from error


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _say(code: int, said: bytes | str) -> str:
    return f"{code} {_clean(said.decode('utf-8', 'replace') if isinstance(said, bytes) else said)}".rstrip(" .")


def _clean(said: str) -> str:
    """In one line, without anything that is not to be seen, and not too long."""
    visible = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in said)
    shown = " ".join(visible.split())
    return shown if len(shown) <= _MAX_SAID else f"{shown[:_MAX_SAID]}…"


class _Deadline:
    """Cuts a connection that takes too long in all, however lively it is: a byte every ten seconds is no answer."""

    def __init__(self) -> None:
        self._connection: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._connection is not None:
            self._connection.close()

    def watch(self, connection: socket.socket) -> None:
        # A descriptor of its own: what TLS wraps takes the other one over.
        self._connection = connection.dup()
        self._timer = threading.Timer(LIMIT_S, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        self._is_over = True
        assert self._connection is not None
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def explained(self, where: str) -> Generator[None]:
        """Says so where whatever went wrong did so because the time was over. Raises MailRefused."""
        try:
            yield
        except (OSError, smtplib.SMTPException, MailRefused) as error:
            if self._is_over:
                raise MailRefused(f"{where} was not done with the message within {LIMIT_S:g} s.") from error
            raise
