"""What single values mean: texts that look like a slip (B4), addresses (B7), times (D7). Pure."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

MAX_EMAIL_CHARACTERS = 320


def looks_like_slip(text: str) -> bool:
    """Whether a text is probably what a template or a program left behind, and not meant (B4)."""
    if not text:
        return False
    if len(text) <= _LONGEST_SLIP and text in SLIPS:
        return True
    return (text[-1] in "}%*]>»" or "{{" in text) and _TEMPLATE.search(text) is not None


# "Null", "Nil" and "Nan" are people's names, "NA" is Namibia.
SLIPS = frozenset(
    (
        "null",
        "NULL",
        "(null)",
        "<null>",
        "[null]",
        "undefined",
        "Undefined",
        "UNDEFINED",
        "(undefined)",
        "None",
        "nil",
        "NaN",
        "N/A",
        "n/a",
        "N/a",
        "#N/A",
        "#n/a",
        "#NV",
        "#REF!",
        "#VALUE!",
        "#NAME?",
        "#ERROR!",
        "System.Object",
        "System.Object[]",
        "System.Collections.Hashtable",
        "System.Collections.Specialized.OrderedDictionary",
        "%s",
    )
)
_LONGEST_SLIP = max(map(len, SLIPS))
_TEMPLATE = re.compile(
    r"""\{\{[^{}]{0,200}\}\}          # {{first_name}}: Handlebars, Liquid, n8n, Make
    | ^\{[\w.: -]{1,100}\}$          # {first_name}
    | ^\$\{[^{}]{0,200}\}$           # ${firstName}
    | ^[#@]\{[^{}]{0,200}\}$         # #{name}, @{triggerBody()}
    | ^%{1,2}[\w. -]{1,100}%{1,2}$   # %FIRSTNAME%, %%First Name%%
    | ^\*\|[^|]{1,100}\|\*$          # *|FNAME|*: Mailchimp
    | ^<<[^<>]{1,100}>>$ | ^<%.{0,200}%>$ | ^«[^«»]{1,100}»$
    | ^\[\[[^\[\]]{1,100}\]\]$ | ^\[object\ \w+\]$""",
    re.VERBOSE | re.DOTALL,
)


def is_address(text: str) -> bool:
    """Whether a trimmed text looks like an e-mail address: a local part, one `@` outside quotes, a domain (B7)."""
    return len(text) <= MAX_EMAIL_CHARACTERS and _ADDRESS.fullmatch(text) is not None


# No white space, no control or invisible characters (pasted zero-width spaces, direction marks), nowhere.
_NEVER = r"\s\x00-\x1f\x7f-\xa0\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\ud800-\udfff"
_ADDRESS = re.compile(
    rf"""(?: [^{_NEVER}"@()<>\[\]:;,\\]++
        | "(?:[^{_NEVER}"\\]|\\[^{_NEVER}])++" )
    @
    (?: [^{_NEVER}"@()<>\[\]:;,\\./?\#]++(?:\.[^{_NEVER}"@()<>\[\]:;,\\./?\#]++)*+
        | \[[0-9A-Za-z.:]++\] )""",
    re.VERBOSE,
)


class BadTime(ValueError):
    """A time that cannot be read: the code of the problem, and why in words."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def read_time(text: str) -> int:
    """Microseconds since 1970 of a time with offset, or of seconds or milliseconds since 1970 (D7). Raises BadTime."""
    if _NUMBER.fullmatch(text):
        return _read_count(text)
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadTime("invalid_time", "is not a time that can be read")
    if match["time"] is None:
        raise BadTime("time_without_offset", "is a date alone")
    if match["offset"] is None:
        raise BadTime("time_without_offset", "does not say its offset from UTC")
    try:
        at = datetime.fromisoformat(text.upper().replace(",", "."))
        return (at - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadTime("invalid_time", "is not a time that exists") from error


def _read_count(text: str) -> int:
    if _DATE_OF_DIGITS.fullmatch(text):
        raise BadTime("time_without_offset", "is a date alone")
    count = Decimal(text)
    if not 0 <= count < _LATEST_MS:
        raise BadTime("invalid_time", "is neither seconds nor milliseconds since 1970")
    # As seconds 100,000,000,000 is the year 5138, as milliseconds 1973: nobody means either.
    return int(count * (1_000_000 if count < _FIRST_MS else 1_000))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = 10**11
_LATEST_MS = 10**14
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,3})?")
_DATE_OF_DIGITS = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_TIME = re.compile(
    r"""\d{4}-?\d\d-?\d\d
    (?P<time> [Tt\ ] \d\d (?: :?\d\d (?: :?\d\d (?:[.,]\d{1,20})? )? )? )?
    (?P<offset> [Zz] | [+-]\d\d(?::?\d\d(?::?\d\d)?)? )?""",
    re.VERBOSE | re.ASCII,
)


def explain_address(text: str) -> tuple[str, str]:
    """Why a text is not an address, and the cure."""
    if looks_like_slip(text):
        return "it looks as if a value had not been filled in", "Check that your tool fills in the address."
    signs = text.count("@")
    if len(text) > MAX_EMAIL_CHARACTERS:
        return f"it has more than {MAX_EMAIL_CHARACTERS} characters", "Send the address alone."
    if signs == 0:
        return "it has no @", "Send an address such as john.doe@example.com."
    if signs > 1:
        return "it has more than one @", "Send one address a push."
    if re.search(r"[<>]", text):
        return (
            "it has signs around it that do not belong to the address",
            "Send the address without a name and without < >.",
        )
    if re.search(r"\s", text):
        return "it has a space in it", "Send the address without spaces."
    local, _, domain = text.partition("@")
    if not local or not domain:
        return f"there is nothing {'before' if not local else 'behind'} the @", "Send the whole address."
    if re.search(f"[{_NEVER}]", text):
        return "it has an invisible character in it, often pasted along", "Type the address anew."
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        return "there is a dot too many behind the @", "Check the part behind the @."
    return "it has a sign in it that does not belong there", "Send an address such as john.doe@example.com."
