"""The mail server that the installation sends by: set up, tried, removed."""

from collections.abc import Mapping

from turnout import errors
from turnout.alerts import mail
from turnout.alerts.described import describe_mail
from turnout.console.mail.providers import PROVIDERS, SECURITIES
from turnout.console.page import Page, Said, Visit
from turnout.feed.receipt import Answer
from turnout.model.alert import MailSettings

_WAY = "installation/mail"
_NEW = {"port": "587", "security": "starttls", "sender_name": "Turnout"}
"""What the form begins with."""


def show(visit: Visit) -> Answer:
    return _render(visit)


def change(visit: Visit) -> Answer:
    """What the form says, in place of what was; a password that is left blank stays."""
    form, known = visit.form, mail.get(visit.database)
    try:
        with visit.acting("mail.set") as deed:
            deed.before = describe_mail(known)
            deed.after = describe_mail(
                mail.change(
                    visit.database,
                    host=form.get("host", "").strip(),
                    port=_read_port(form.get("port", "")),
                    security=form.get("security", ""),
                    user_name=form.get("user_name", "").strip() or None,
                    password=_read_password(form),
                    sender=form.get("sender", "").strip(),
                    sender_name=form.get("sender_name", "").strip(),
                )
            )
    except errors.InvalidRequest as error:
        return _render(visit, typed=form, wrong=error.detail)
    return visit.redirect(_WAY, "Saved. Send yourself a test message to see whether it works.")


def try_out(visit: Visit) -> Answer:
    """A message to the visitor, at once."""
    to = visit.signed_in.email
    with visit.acting("mail.test") as deed:
        failure = mail.test(visit.database, to)
        deed.after = {"worked": failure is None}
    if failure is None:
        said = Said(f"The mail server took a test message to {to}. Look whether it arrives, also among the spam.")
    else:
        said = Said("The test message could not be sent: what went wrong stands on this page.", kind="warning")
    return visit.redirect(_WAY, said)


def ask_remove(visit: Visit) -> Answer:
    _get(visit)
    return visit.render("remove.html")


def remove(visit: Visit) -> Answer:
    with visit.acting("mail.remove") as deed:
        deed.before = describe_mail(_get(visit))
        mail.remove(visit.database)
    return visit.redirect(_WAY, "No mail is sent any more.")


def _get(visit: Visit) -> MailSettings:
    """Raises NotFound."""
    found = mail.get(visit.database)
    if found is None:
        raise errors.NotFound("No mail server is set up.")
    return found


def _read_port(text: str) -> int:
    """Raises InvalidRequest."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 6):
        raise errors.InvalidRequest("The port is a number: 587 for STARTTLS, 465 for TLS, 25 on the same machine.")
    return int(text)


def _read_password(form: Mapping[str, str]) -> str | None:
    """None leaves it as it is, the empty text removes it."""
    if "no_password" in form or not form.get("user_name", "").strip():
        return ""
    return form.get("password") or None


def _render(visit: Visit, *, typed: Mapping[str, str] | None = None, wrong: str = "") -> Answer:
    known = mail.get(visit.database)
    if typed is None:
        typed = _NEW if known is None else {name: str(value or "") for name, value in _as_form(known).items()}
    return visit.render(
        "mail.html",
        status=422 if wrong else 200,
        mail=known,
        typed=typed,
        wrong=wrong,
        securities=SECURITIES,
        providers=PROVIDERS,
    )


def _as_form(its: MailSettings) -> dict[str, object]:
    names = ("host", "port", "security", "user_name", "sender", "sender_name")
    return {name: getattr(its, name) for name in names}


pages = [
    Page("GET", _WAY, "administrator", show),
    Page("POST", _WAY, "administrator", change),
    Page("POST", f"{_WAY}/test", "administrator", try_out),
    Page("GET", f"{_WAY}/remove", "administrator", ask_remove),
    Page("POST", f"{_WAY}/remove", "administrator", remove),
]
