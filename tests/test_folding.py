"""Names are the same without case, accents and odd spacing, and are found by their words."""

import unicodedata
from itertools import count

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests import builders
from tests.client import Person
from vivace.catalogue.folding import KEY_LENGTH, fold, words

# Few enough letters for their cases, accents and forms to meet.
TRICKY = (
    "aAáÁa\u0301åÅ\u212b ß ẞsS İıIi ﬁﬀ Øø Łł Ææ ǆǅ Σσς Ωω\u2126 éÉ \u0130 ｶ\uff9e ﷺ ½ ² 한 각"
    " \u1100\u1161\u11a8 _-./ 小沢 कि गी \u200d"
)
NAMES = st.text(max_size=30) | st.text(alphabet=TRICKY, max_size=30)
SPACES = st.text(alphabet=" \t\n\u00a0\u2003\u3000", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("  Sigur  RÓS\n", "sigur ros"),
        ("Motörhead", "motorhead"),
        ("Beyonce\u0301", "beyonce"),
        ("ＡＢＢＡ", "abba"),
        ("Øksnes Æther Łódź Þeyr", "oksnes aether lodz theyr"),
        ("Straße STRASSE", "strasse strasse"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσευσ"),
        ("Мумий Тролль Ё", "мумии тролль е"),
        ("İstanbul ıssız", "istanbul issiz"),
        ("AC/DC", "ac/dc"),
        ("小沢健二", "小沢健二"),
        # The marks of other scripts are letters of their own: か is not が, कि is not क.
        ("が", "が"),
        ("कि", "कि"),
        ("한국", "한국"),
        ("½", "1⁄2"),
        ("!!!", "!!!"),
        ("", ""),
        (" \t ", ""),
        # Cut where one word ends, it does not end in the space before the next.
        (f"{'a' * (KEY_LENGTH - 1)} bb", "a" * (KEY_LENGTH - 1)),
    ],
)
def test_a_name_folds_into_its_key(name: str, key: str) -> None:
    assert fold(name) == unicodedata.normalize("NFKC", key)


def test_what_differs_in_more_than_case_and_accents_stays_apart() -> None:
    names = [
        "か",
        "が",
        "क",
        "कि",
        "각",
        "가",
        "o",
        "0",
        "l",
        "1",
        "ac/dc",
        "acdc",
        "ac dc",
        "a",
        "а",
    ]
    assert len({fold(name) for name in names}) == len(names)


@given(NAMES)
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(NAMES)
def test_case_makes_no_difference(name: str) -> None:
    # Capitals of ancient Greek have an iota beside them that small letters have below.
    assume("\u0345" not in unicodedata.normalize("NFD", name))
    assert fold(name.swapcase()) == fold(fold(name).upper()) == fold(name)


@given(NAMES)
def test_the_form_of_characters_makes_no_difference(name: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, name)) == fold(name)


@given(st.lists(st.text(alphabet="abcXYZåé", min_size=1), min_size=1, max_size=5), st.data())
def test_spacing_makes_no_difference(parts: list[str], data: st.DataObject) -> None:
    odd = "".join(part + data.draw(SPACES) for part in parts)
    assert fold(data.draw(SPACES) + odd) == fold(" ".join(parts))


@given(st.text(alphabet="abcdefgxyz ", max_size=30), st.data())
def test_accents_make_no_difference(plain: str, data: st.DataObject) -> None:
    accents = st.text(alphabet="\u0300\u0301\u0308\u030a\u0327\u20d7", max_size=2)
    accented = "".join(c + (data.draw(accents) if c != " " else "") for c in plain)
    assert fold(accented) == fold(plain)


@given(st.text(max_size=KEY_LENGTH * 2) | st.text(alphabet="ﷺß ", min_size=KEY_LENGTH))
def test_a_key_is_never_longer_than_an_index_takes(name: str) -> None:
    assert len(fold(name)) <= KEY_LENGTH
    assert len(fold(name).encode("utf-8", "surrogatepass")) <= 4 * KEY_LENGTH


@given(NAMES)
def test_a_key_has_single_spaces_and_none_at_its_ends(name: str) -> None:
    assert " ".join(fold(name).split()) == fold(name)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("AC/DC", "ac dc"),
        ("Guns N' Roses", "guns n roses"),
        ("_why? (live) [2003]", "why live 2003"),
        ("deadmau5", "deadmau5"),
        ("!!!", ""),
        ("A.M. 180", "a m 180"),
        ("Sunn O)))", "sunn o"),
        # A mark belongs to the word it stands in.
        ("हिन्दी गीत", "हिन्दी गीत"),
        ("naïve\u200bnaïve", "naive naive"),
        ("é _ _é_", "e e"),
    ],
)
def test_the_words_of_a_name(name: str, found: str) -> None:
    assert words(fold(name)) == unicodedata.normalize("NFKC", found)


@given(NAMES)
def test_words_hold_letters_and_digits_only(name: str) -> None:
    found = words(fold(name))
    assert words(found) == found
    for word in found.split(" ") if found else []:
        assert word
        assert all(unicodedata.category(c)[0] in "LNM" or c.isalnum() for c in word)


numbers = count()


@examples(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=NAMES, end=st.integers(1, 10))
@pytest.mark.django_db
def test_every_name_is_found_by_the_start_of_each_of_its_words(
    listener: Person, name: str, end: int
) -> None:
    assume("\0" not in name)
    id_ = builders.artist(f"{name}.", disambiguation=f"{next(numbers)}")
    for word in words(fold(name)).split():
        for asked in (word[:end], word, f"{word} {word[:end]}", name[:500]):
            if words(fold(asked)):
                found = listener.items("artists", name=asked, ids=id_)
                assert (asked, len(found)) == (asked, 1)
