"""One e-mail to a real server: in the clear, by TLS, after STARTTLS, signed in; and whatever can go wrong."""

import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.certificates import Certificate, make_certificate
from tests.mail_server import ACCOUNT, MailServer, ScriptedServer, read_body, trickle
from turnout.model.alert import MailSecurity, MailSettings
from turnout.outside import mail
from turnout.outside.mail import MailRefused, send


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    # The system's store is what OpenSSL takes for it.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    return certificate


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def settings_for(
    port: int, security: MailSecurity = "none", *, host: str = "localhost", user_name: str | None = None
) -> MailSettings:
    return MailSettings(
        host=host,
        port=port,
        security=security,
        user_name=user_name,
        password=None,
        sender="turnout@example.org",
        sender_name="Turnout",
        changed_at=1,
    )


def make_message(to: str = "jane@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Turnout <turnout@example.org>"
    message["To"] = to
    message["Subject"] = "Northwind CRM has been silent for 9 h"
    # A line with a point alone would end the message, were it not doubled.
    message.set_content("Nothing came.\n.\nSince nine.\n")
    return message


def refuse(port: int, security: MailSecurity = "none", to: str = "jane@example.org", **options: str) -> MailRefused:
    """What sending there ends with."""
    with pytest.raises(MailRefused) as caught:
        send(settings_for(port, security, **options), "secret", make_message(to))
    return caught.value


# As it should be


def test_a_message_arrives_as_it_was_written(server: MailServer) -> None:
    send(settings_for(server.port), None, make_message())
    [came] = server.received
    assert (came.sender, came.recipients) == ("turnout@example.org", ["jane@example.org"])
    assert came.message["subject"] == "Northwind CRM has been silent for 9 h"
    assert came.message.get_content().replace("\r\n", "\n") == "Nothing came.\n.\nSince nine.\n"
    assert not came.is_safe


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_it_goes_safely_to_a_server_that_the_system_trusts(security: MailSecurity, trusted: Certificate) -> None:
    context = trusted.as_server()
    with MailServer(**{security: context}) as server:
        send(settings_for(server.port, security), None, make_message())
        assert [came.is_safe for came in server.received] == [True]


@pytest.mark.parametrize("security", ["starttls", "none"])
def test_it_signs_in_with_letters_beyond_ascii_too(security: MailSecurity, trusted: Certificate) -> None:
    name, password = ACCOUNT
    context = trusted.as_server() if security == "starttls" else None
    with MailServer(starttls=context, auth=True) as server:
        send(settings_for(server.port, security, user_name=name), password, make_message())
        assert [came.signed_in for came in server.received] == [True]
        wrong = refuse(server.port, security, user_name=name)
        assert wrong.of_server
        assert not wrong.permanent
        assert "does not take the user name and password: 535" in wrong.said


def test_domains_and_addresses_beyond_ascii_are_written_as_servers_take_them(server: MailServer) -> None:
    assert mail.as_ascii("jane@exämple.org") == "jane@xn--exmple-cua.org"
    send(settings_for(server.port), None, make_message("jörg@example.org"))
    assert server.received[0].recipients == ["jörg@example.org"]
    with MailServer(utf8=False) as old:
        refused = refuse(old.port, to="jörg@example.org")
        assert (refused.permanent, refused.of_server) == (True, False)
        assert old.commands == []


# Not safe, so not sent


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_is_not_trusted_is_told_nothing(security: MailSecurity, certificate: Certificate) -> None:
    with MailServer(**{security: certificate.as_server()}) as server:
        refused = refuse(server.port, security)
        assert "a certificate that this machine does not trust: self-signed certificate" in refused.said.replace(
            "self signed", "self-signed"
        )
        assert server.commands == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_for_another_name_is_told_nothing(security: MailSecurity, trusted: Certificate) -> None:
    with MailServer(**{security: trusted.as_server()}) as server:
        assert "does not trust: " in refuse(server.port, security, host="127.0.0.1").said
        assert server.commands == []


def test_without_starttls_nothing_goes_in_the_clear(server: MailServer) -> None:
    refused = refuse(server.port, "starttls", user_name="turnout")
    assert "does not offer STARTTLS, so nothing was sent" in refused.said
    assert (server.commands, refused.of_server) == ([], True)


def test_nor_where_it_is_offered_and_refused() -> None:
    hello = b"250-localhost\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"
    with ScriptedServer("220 Here", hello, "454 Not now", "235 In", "250 OK", "250 OK", "354 Go on") as server:
        assert "does not offer STARTTLS" in refuse(server.port, "starttls", user_name="turnout").said
    assert [line.partition(" ")[0].upper() for line in server.lines if line] == ["EHLO", "STARTTLS", "QUIT"]


def test_a_password_never_leaves_this_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer(auth=True) as server:
        monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("192.0.2.7", 25))
        refused = refuse(server.port, user_name=ACCOUNT[0])
        assert "anybody on the way could read the password: it was not sent" in refused.said
        assert server.commands == []


# Refused


@pytest.mark.parametrize(
    ("command", "answer", "permanent", "of_server"),
    [
        ("RCPT", "550 No such mailbox", True, False),
        ("RCPT", "451 Come again, you are on the grey list", False, False),
        ("MAIL", "553 Not your address", False, True),
        ("MAIL", "421 Too many connections", False, True),
        ("DATA", "554 Spam", True, True),
        ("DATA", "452 No room", False, True),
    ],
)
def test_what_a_server_refuses_is_told_with_its_words(
    server: MailServer, command: str, answer: str, permanent: bool, of_server: bool
) -> None:
    server.answers[command] = answer
    refused = refuse(server.port)
    assert answer in refused.said
    assert (refused.permanent, refused.of_server) == (permanent, of_server)
    assert server.received == []


def test_whoever_does_not_want_to_talk_is_left_alone() -> None:
    with ScriptedServer("554 \x1b[31mGo\taway\x00") as server:
        # Its words go into pages and logs: in one line, and without what a terminal would obey.
        assert "does not want to talk: 554 [31mGo away" in refuse(server.port).said
    with ScriptedServer("220 Here", "500 What?", "502 No") as server:
        assert "does not want to talk: 502 No" in refuse(server.port).said


# Broken off


@pytest.mark.parametrize(
    "steps",
    [
        [""],
        ["220 Here"],
        ["220 Here", "250 localhost", "250 OK"],
        ["220 Here", "250 localhost", "250 OK", "250 OK", b"354 Go"],
        ["220 Here", "250 localhost", "250 OK", "250 OK", read_body],
        [b"SSH-2.0-OpenSSH_9.6\r\n" * 3],
    ],
    ids=["at once", "after its greeting", "after the sender", "in its answer", "after all of it", "no mail server"],
)
def test_a_connection_that_is_cut_is_a_failure_to_be_tried_again(steps: list[str]) -> None:
    """Also when the message may have been taken: it has the same id the next time."""
    with ScriptedServer(*steps) as server:
        refused = refuse(server.port)
    assert (refused.permanent, refused.of_server) == (False, True)


def test_who_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "did not answer within 0.2 s" in refuse(silent.getsockname()[1]).said


@pytest.mark.parametrize("security", ["none", "tls"])
def test_nor_who_answers_without_end(security: MailSecurity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "LIMIT_S", 0.3)
    with ScriptedServer(trickle) as server:
        assert "localhost, port" in refuse(server.port, security).said
    with ScriptedServer("220 Here", trickle) as server:
        assert "was not done with the message within 0.3 s" in refuse(server.port).said


def test_a_goodbye_that_nobody_answers_loses_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_GOODBYE_S", 0.1)

    def take(connection: socket.socket) -> None:
        connection.sendall(b"354 Go on\r\n")
        came = b""
        while not came.endswith(b"\r\n.\r\n"):
            came += connection.recv(65_536)
        connection.sendall(b"250 OK\r\n")
        connection.recv(65_536)

    with ScriptedServer("220 Here", "250 localhost", "250 OK", "250 OK", take) as server:
        send(settings_for(server.port), None, make_message())


def test_nobody_there_is_said_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f"Cannot connect to localhost, port {port}, Connection refused" in refuse(port).said
    assert "The name nowhere.invalid cannot be looked up" in refuse(25, host="nowhere.invalid").said
