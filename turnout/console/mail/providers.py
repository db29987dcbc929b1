"""What common providers of mail want to have set, all of them on port 587 with STARTTLS. Pure."""

import msgspec


class Provider(msgspec.Struct, frozen=True):
    """One of them."""

    name: str
    host: str
    note: str


PROVIDERS = (
    Provider("Google Workspace", "smtp.gmail.com", "An app password, not that of the account."),
    Provider("Microsoft 365", "smtp.office365.com", "SMTP AUTH has to be allowed for the mailbox."),
    Provider("Amazon SES", "email-smtp.eu-west-1.amazonaws.com", "In your region; SMTP credentials of SES."),
    Provider("Postmark", "smtp.postmarkapp.com", "User name and password are both the server’s token."),
    Provider("SendGrid", "smtp.sendgrid.net", "The user name is apikey, the password an API key."),
    Provider("Mailgun", "smtp.mailgun.org", "smtp.eu.mailgun.org in the EU; credentials of your domain."),
    Provider("Brevo", "smtp-relay.brevo.com", "An SMTP key is the password."),
)
SECURITIES = (
    {"value": "starttls", "text": "STARTTLS", "hint": "Port 587, with nearly every provider."},
    {"value": "tls", "text": "TLS", "hint": "From the first byte, port 465."},
    {"value": "none", "text": "None", "hint": "Only for a mail server on this machine, port 25."},
)
