"""Whoever looks for a person finds him, however he writes the name."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feed.builders import Told, make_push
from turnout.changes.listing.words import (
    LAST,
    MAX_SORTED_CHARACTERS,
    MAX_TERMS,
    MAX_WORD_CHARACTERS,
    MAX_WORDS,
    fold,
    fold_line,
    fold_sort,
    matches,
    terms_of,
    words_of,
)
from turnout.model.attendee import Attendee


def make_attendee(email: str = "x@y.org", **profile: Any) -> Attendee:
    told = Told()
    told.hear(make_push(email, profile=profile))
    return told.known


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Łódź", "lodz"),
        ("Søren Åkesson", "soren akesson"),
        ("ĐORĐEVIĆ", "dordevic"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
        ("Æsop Œuvre", "aesop oeuvre"),
        ("Þór Guðmundsson", "thor gudmundsson"),
        ("Ħal Għaxaq", "hal ghaxaq"),
        ("İstanbul ISTANBUL ıstanbul", "istanbul istanbul istanbul"),
        ("Nguyễn Thị Hạnh", "nguyen thi hanh"),
        ("ﬁn Ⅳ ２０２４ №", "fin iv 2024 no"),
        ("O’Brien O‘Brien OʼBrien O`Brien", "o'brien o'brien o'brien o'brien"),
        ("O`Brien", "o'brien"),
        ("Jean‑Luc Jean–Luc", "jean-luc jean-luc"),
        ("Ёлкин ΆΓΓΕΛΟΣ", "елкин αγγελοσ"),
        ("e\u0301 é", "e e"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("한글 ガイド がか", "한글 ガイド がか"),
        ("नमस्ते", "नमस्ते"),
        (f"behind{LAST}all", "behindall"),
    ],
)
def test_folding_takes_off_case_accents_and_how_letters_are_set(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded


@given(st.text())
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper().lower()) == fold(fold(text.upper().lower()))


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"email": "john@doe.org"}, ("doe.org", "john@doe.org")),
        ({"lastName": "O'Brien"}, ("brien", "o'brien", "obrien", "x@y.org", "y.org")),
        ({"firstName": "Jean-Luc"}, ("jean-luc", "jeanluc", "luc", "x@y.org", "y.org")),
        ({"company": "AT&T (Germany) & Co."}, ("at&t", "att", "co", "germany", "t", "x@y.org", "y.org")),
        (
            {"email": "j.van-doe+expo@mail.example.co.uk"},
            ("co", "doe", "example", "expo", "j.van-doe+expo@mail.example.co.uk", "mail.example.co.uk", "van"),
        ),
        ({"lastName": "王", "firstName": "小明"}, ("x@y.org", "y.org", "小明", "明", "王小明")),
        ({"company": "トヨタ"}, ("x@y.org", "y.org", "タ", "トヨタ", "ヨタ")),
        ({"company": "🎉 -- &"}, ("x@y.org", "y.org")),
        ({"firstName": "x"}, ("x@y.org", "y.org")),
    ],
)
def test_the_words_of_an_attendee(profile: dict[str, str], words: tuple[str, ...]) -> None:
    email = profile.get("email", "x@y.org")
    assert words_of(make_attendee(email, **{name: text for name, text in profile.items() if name != "email"})) == words


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("c", True),
        ("CI", True),
        ("citro", True),
        ("Citroën", True),
        ("citroën ag", True),
        ("AG  Citroen", True),
        ("zoe\tde la", True),
        ("laf", True),
        ("delafontaine", False),
        ("la-fontaine", True),
        ("lafontaine", True),
        ("fontaine", True),
        ("(fontaine)", True),
        ("@example.com", True),
        ("z.fontaine@example.com", True),
        ("Z.FONTAINE@", True),
        ("example", True),
        ("com", False),
        ("ntaine", False),
        ("zoe smith", False),
        ("citroen zoe x", False),
    ],
)
def test_each_word_that_is_looked_for_has_to_be_the_beginning_of_one(query: str, is_found: bool) -> None:
    attendee = make_attendee("z.fontaine@example.com", firstName="Zoë", lastName="de La-Fontaine", company="Citroën AG")
    assert matches(words_of(attendee), terms_of(query)) is is_found


@pytest.mark.parametrize("query", ["", "  \t", "&", "- ' @", "\u0301"])
def test_nothing_is_looked_for_where_there_is_no_letter_and_no_digit(query: str) -> None:
    assert terms_of(query) == ()


def test_whoever_writes_without_spaces_is_found_in_the_middle() -> None:
    attendee = make_attendee(lastName="山田", firstName="太郎", company="東京電力株式会社")
    for query in ("山", "太郎", "田太", "山田太郎", "電力", "会社 太"):
        assert matches(words_of(attendee), terms_of(query)), query
    assert not matches(words_of(attendee), terms_of("郎山"))


def test_who_was_merged_into_somebody_has_no_words() -> None:
    import msgspec

    assert words_of(msgspec.structs.replace(make_attendee(), merged_into="att_2", status="merged")) == ()


@given(
    st.text(max_size=400),
    st.text(max_size=400),
    st.text(alphabet="aé'- 王タ가ที\n", max_size=400),
)
def test_words_are_bounded_in_order_and_on_one_line_whatever_is_sent(first: str, last: str, company: str) -> None:
    words = words_of(make_attendee(firstName=first, lastName=last, company=company))
    assert len(words) <= MAX_WORDS
    assert list(words) == sorted(set(words))
    for word in words:
        assert 0 < len(word) <= MAX_WORD_CHARACTERS
        assert word.split() == [word]
        assert LAST not in word
    # None is needed that another one begins with.
    assert not any(one != other and other.startswith(one) for one in words for other in words)


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=3))
def test_everybody_is_found_by_each_of_his_own_words_and_by_how_they_begin(names: list[str]) -> None:
    words = words_of(make_attendee(lastName=" ".join(names)))
    for word in fold(" ".join(names)).split():
        for term in terms_of(word):
            for end in range(1, len(term) + 1):
                assert matches(words, terms_of(term[:end]))


def test_a_search_is_bounded_and_looks_for_nothing_twice() -> None:
    assert terms_of("doe John JOHNSON jo") == ("doe", "johnson")
    assert len(terms_of(" ".join(f"{number}x" for number in range(100)))) == MAX_TERMS
    (term,) = terms_of("a" * 500)
    assert term == "a" * MAX_WORD_CHARACTERS
    assert matches(words_of(make_attendee(company="a" * 300)), (term,))


def test_the_address_is_found_however_long_name_and_company_are() -> None:
    attendee = make_attendee("ann@x.org", lastName=" ".join(map(str, range(1_000, 1_900))))
    words = words_of(attendee)
    assert matches(words, ("ann@x.org",))
    assert matches(words, ("1000",))
    assert not matches(words, ("1899",))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ångström", "angstrom"),
        ("  van  der\nBerg ", "van der berg"),
        ("", LAST),
        (None, LAST),
        (" \u200b ", LAST),
        ("x" * 500, "x" * MAX_SORTED_CHARACTERS),
    ],
)
def test_last_names_sort_without_case_and_accents_and_none_sorts_last(text: str | None, key: str) -> None:
    assert fold_sort(text) == key


@given(st.text(), st.integers(1, 50))
def test_a_folded_line_has_no_break_and_no_space_at_its_ends(text: str, most: int) -> None:
    line = fold_line(text, most)
    assert len(line) <= most
    assert " ".join(line.split()) == line
