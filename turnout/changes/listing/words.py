"""Text as it is searched and sorted by: without case and accents, in words that are found by how they begin. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from turnout.model.attendee import Attendee

MAX_WORD_CHARACTERS = 64
"""Of a word and of what is looked for: what is longer agrees in its beginning."""
MAX_WORDS = 128
"""Of one attendee: the address first, then the name, then the company."""
MAX_TERMS = 16
"""In one search; further ones are not looked for."""
MAX_SORTED_CHARACTERS = 100
_MAX_FOLDED = 1_000
"""Characters of a name or company that are searched."""
LAST = "\U0010ffff"
"""Sorts behind every name and every word. It is no character, and folded text does not contain it."""
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ħ": "h",
        "ŧ": "t",
        "ŋ": "n",
        "ĸ": "k",
        "ƒ": "f",
        "ɓ": "b",
        "ɗ": "d",
        "ƙ": "k",
        "ə": "e",
        # Whatever a keyboard, or a word processor, makes of an apostrophe and a hyphen.
        **dict.fromkeys("‘’ʼʻʹ`′", "'"),
        **dict.fromkeys("‐‑‒–—−", "-"),
    }
)
_NO_LETTERS = "".join(filter(lambda one: not one.isalnum(), map(chr, range(128))))
_SEPARATE = re.compile(r"[^a-z0-9]+")
# Where words stand side by side without spaces: Thai, Lao, Myanmar, Khmer, Japanese, Chinese, Korean.
_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003fffd]"
)
_KEPT_MARKS = (0, 8, 9)
"""Classes of marks that make another letter, not another accent: of vowels, voiced Japanese syllables, and viramas."""


def fold(text: str) -> str:
    """The text as it is compared: compatible letters made alike, accents and case off, ł as l, æ as ae."""
    if text.isascii():
        return text.lower().replace("`", "'")
    plain = "".join(filter(_is_kept, unicodedata.normalize("NFKD", text)))
    folded = unicodedata.normalize("NFKD", plain.casefold()).translate(_LETTERS)
    return unicodedata.normalize("NFC", "".join(filter(_is_kept, folded)))


def fold_line(text: str, most: int) -> str:
    """The same on one line, each white space as one space, cut to that many characters."""
    return " ".join(fold(text[: 2 * most + _MAX_FOLDED]).split())[:most].rstrip()


def fold_sort(text: str | None) -> str:
    """By which names are sorted, as texts are compared. Who has none comes last."""
    return fold_line(text or "", MAX_SORTED_CHARACTERS) or LAST


def words_of(attendee: Attendee) -> tuple[str, ...]:
    """What an attendee is found by, in order: words of address, name and company, and what they are made of.

    A word that another one begins with is left out: whatever finds it finds the other. Those who were merged into
    others have none.
    """
    if attendee.merged_into is not None:
        return ()
    first, last, company = (_text(attendee, field) for field in ("firstName", "lastName", "company"))
    found = list(_words_of_address(fold(attendee.email)))
    # Also written without a space, as whoever looks for it writes it.
    whole = f" {last}{first}" if _UNSPACED.search(last + first) else ""
    for word in fold(f"{last} {first}{whole} {company}").split():
        found += _words_of_word(word)
    cut = dict.fromkeys([word[:MAX_WORD_CHARACTERS] for word in found if word])
    return _without_beginnings(list(cut)[:MAX_WORDS])


def terms_of(query: str) -> tuple[str, ...]:
    """What is looked for, in order; nothing where there is no letter and no digit in it."""
    trimmed = (_trim(word)[:MAX_WORD_CHARACTERS] for word in fold(query[: 4 * _MAX_FOLDED]).split())
    terms = list(dict.fromkeys(filter(None, trimmed)))
    return _without_beginnings(terms[:MAX_TERMS])


def matches(words: Iterable[str], terms: Iterable[str]) -> bool:
    """Whether each term is the beginning of one of the words."""
    words = tuple(words)
    return all(any(word.startswith(term) for word in words) for term in terms)


def _words_of_address(address: str) -> Iterator[str]:
    for word in address.split():
        local, _, domain = word.rpartition("@")
        yield _trim(word)
        yield _trim(domain)
        yield from _parts(local)
        # Without the `com` that everybody has.
        yield from _parts(domain.rpartition(".")[0])


def _words_of_word(word: str) -> Iterator[str]:
    trimmed = _trim(word)
    if trimmed.isascii() and trimmed.isalnum():
        yield trimmed
        return
    parts = _parts(trimmed)
    yield trimmed
    yield from parts
    if len(parts) > 1:
        yield "".join(parts)
    for found in _UNSPACED.finditer(trimmed[: 2 * MAX_WORD_CHARACTERS]):
        yield trimmed[found.start() :]


def _without_beginnings(words: list[str]) -> tuple[str, ...]:
    # In order, whatever begins with a word stands right behind it.
    words.sort()
    return tuple(
        word for word, behind in zip(words, [*words[1:], ""], strict=False) if word and not behind.startswith(word)
    )


def _parts(word: str) -> list[str]:
    """Its runs of letters and digits."""
    separated = _SEPARATE.sub(" ", word) if word.isascii() else "".join(one if _is_letter(one) else " " for one in word)
    return separated.split()


def _trim(word: str) -> str:
    """Without what is no letter and no digit at its ends."""
    if word.isascii():
        return word.strip(_NO_LETTERS)
    start, end = 0, len(word)
    while start < end and not _is_letter(word[start]):
        start += 1
    while start < end and not _is_letter(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_letter(character: str) -> bool:
    # Vowels are marks in many scripts.
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _is_kept(character: str) -> bool:
    """Whether it is more than an accent, and more than a hint for how the text is set."""
    if character.isascii():
        return True
    is_hint = unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f" or character == LAST
    return unicodedata.combining(character) in _KEPT_MARKS and not is_hint


def _text(attendee: Attendee, field: str) -> str:
    said = attendee.profile.get(field)
    return ((said.value if said else None) or "")[:_MAX_FOLDED]
