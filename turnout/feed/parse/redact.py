"""What looks like an API key, and how it is kept out of everything that is stored, logged or shown (A5)."""

import re

KEY = re.compile(r"trn_[0-9a-z]+_[0-9A-Za-z]+")
"""A key of ours (design: `trn_<id>_<secret>`)."""
KEY_MARK = "trn_"
"""What every text with a key in it contains: the cheap test before the pattern."""
REMOVED = "[key removed]"


def _escapable(letter: str, code: str) -> str:
    """A pattern of what stands for a letter: itself or its escape, also that in JSON that lies in a text of JSON."""
    return rf"(?:{letter}|\\{{1,16}}u00{code})"


_BAR = _escapable("_", "5[fF]")
_MARK = _escapable("t", "74") + _escapable("r", "72") + _escapable("n", "6[eE]") + _BAR
_ESCAPED_KEY = re.compile(
    rf"{_MARK}{_escapable('[0-9a-z]', '(?:3[0-9]|6[1-9a-fA-F]|7[0-9aA])')}++"
    rf"{_BAR}{_escapable('[0-9A-Za-z]', '(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])')}++"
)
_BEGINS_LIKE_A_KEY = re.compile(rf"""{_MARK}[^\s"'“”‘’,;{{}}\[\]&<>]*+""")
"""A key that something may have broken in two: with all that is glued to its beginning."""
_BEHIND_ITS_NAME = re.compile(
    r"""(?<![0-9a-z])
    ((?:api[\s_-]{0,3})?k[\s_-]{0,3}e[\s_-]{0,3}y          # key, Key, KEY, k_e_y, Api-Key
    \\{0,8}["'“”‘’]?\s{0,99}[:=]\s{0,99})
    (?!null\b)
    (?: \\{1,8}"[^"\\]*+                                  # \"…\" in JSON that was put into a text
      | "(?:[^"\\]++|\\.)*+"?
      | '[^'\r\n]*+'?
      | [“‘][^”’\r\n]*+[”’]?
      | [^\s"'{\[,}\]&][^,}\]&\r\n]*+ )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def mask(text: str) -> str:
    """The text without any key of ours in it, also in one that is JSON in its turn and spells it with escapes."""
    if "\\u00" in text:
        text = _ESCAPED_KEY.sub(REMOVED, text)
    return KEY.sub(REMOVED, text) if KEY_MARK in text else text


def redact(text: str) -> str:
    """A text that could not be parsed, blanked where it looks like a key or stands behind the name `key` (A5).

    Rather too much than too little: nobody will parse it again. In UTF-16 and UTF-32, read as UTF-8, zeros stand
    between the letters and would hide a key; they are left out.
    """
    text = text.replace("\0", "")
    return _BEGINS_LIKE_A_KEY.sub(REMOVED, _BEHIND_ITS_NAME.sub(rf'\1"{REMOVED}"', text))


def excerpt(text: str, at: int, width: int = 24, *, bytewise: bool = False) -> tuple[str, str]:
    """What stands before and behind a place, on one line, without anything that looks like a key.

    `…` is where more would follow. `bytewise` says that the text is UTF-8 seen as Latin-1, as batches are.
    """
    before, behind = text[max(0, at - _SIGHT) : at], text[at : at + _SIGHT]
    if bytewise:
        before, behind = (side.encode("latin-1").decode("utf-8", "replace") for side in (before, behind))
    window, place = before + behind, len(before)
    # A key across the place counts as standing before it, so the two sides are blanked in one go.
    before, last = "", 0
    for match in _SECRET.finditer(window):
        if match.start() >= place:
            break
        before += window[last : match.start()] + REMOVED
        last = match.end()
    before += window[last:place]
    behind = window[max(place, last) :]
    before, behind = _on_one_line(redact(before)), _on_one_line(redact(behind))
    if len(before) > width or at > _SIGHT:
        before = "…" + before[-width:]
    if len(behind) > width or at + _SIGHT < len(text):
        behind = behind[:width] + "…"
    return before, behind


_SIGHT = 400
_SECRET = re.compile(f"(?:{_BEGINS_LIKE_A_KEY.pattern})|{_BEHIND_ITS_NAME.pattern}", _BEHIND_ITS_NAME.flags)


def show(text: str, limit: int = 100) -> str:
    """A value as a message quotes it: on one line, not too long, without keys, and always printable."""
    line = _on_one_line(mask(text[: limit + _SIGHT]))
    return line if len(line) <= limit and len(text) <= limit + _SIGHT else line[: limit - 1] + "…"


def _on_one_line(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", " ".join(text.split()))


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
