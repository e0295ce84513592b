"""One question to all of the library: what is answered, in which order, and to whom."""

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from tests import builders
from tests.client import Person
from tests.searching import Shelf, found, named
from vivace.catalogue import vocabulary
from vivace.catalogue.folding import fold
from vivace.catalogue.models import Artist
from vivace.catalogue.question import NOWHERE, Question
from vivace.catalogue.search import starts
from vivace.listening.kinds import KINDS
from vivace.listening.models import Favourite, Playlist
from vivace.listening.search import search

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


# --- The answer ------------------------------------------------------------------------------


def test_each_kind_is_answered_in_its_own_shape(listener: Person, shelf: Shelf) -> None:
    answer = found(listener, "maiden")
    assert list(answer) == ["artists", "albums", "tracks", "playlists"]
    assert answer["artists"][0]["artist"] == listener.get(f"artists/{shelf.maiden}").json
    assert answer["albums"][0]["album"] == listener.get(f"albums/{shelf.piece}").json
    assert answer["tracks"][0]["track"] == listener.items("tracks", ids=shelf.trooper)[0]
    assert answer["playlists"] == []


def test_a_name_that_only_begins_so_is_told_by_its_artist_too(listener: Person) -> None:
    queen, other = builders.artists([{"name": "Queen"}, {"name": "Other"}])
    album = builders.album("Album", by=other)
    builders.track("Queens", by=other, on=album)
    builders.track("Queenie", by=queen, on=album)
    builders.track("Killer", by=queen, on=album)
    hits = found(listener, "queen", type="track")["tracks"]
    assert {*named(hits, "track")[:2]} == {"Queenie", "Killer"}


@pytest.mark.any_database
def test_only_the_kinds_asked_for_are_there(listener: Person, shelf: Shelf) -> None:
    assert list(found(listener, "maiden", type="track,artist")) == ["artists", "tracks"]
    assert list(found(listener, "maiden", type="album,album")) == ["albums"]


def test_what_matched_is_told_as_it_is_written(listener: Person, shelf: Shelf) -> None:
    def matched(question: str) -> list[tuple[str, str]]:
        (hit,) = found(listener, question, type="track")["tracks"]
        return [(piece["field"], piece["text"]) for piece in hit["matched"]]

    assert matched("maiden trooper") == [
        ("title", "Trooper"),
        ("artist", "Maiden"),
        ("credit", "Maiden"),
    ]
    assert matched("hevy harris tro mind adrian") == [
        ("title", "Trooper"),
        ("album", "Mind"),
        ("composer", "Harris"),
        ("genre", "Heavy"),
        ("credit", "Adrian"),
    ]


def test_an_artist_is_found_by_the_name_it_is_sorted_under(listener: Person, shelf: Shelf) -> None:
    (hit,) = found(listener, "gudmundsdottir", type="artist")["artists"]
    assert hit["artist"]["id"] == shelf.bjork
    assert hit["matched"] == [{"field": "sort_name", "text": "Guðmundsdóttir,"}]


# --- The order -------------------------------------------------------------------------------


def test_the_exact_name_comes_before_whole_words_starts_and_typos(listener: Person) -> None:
    builders.artists(
        [{"name": name} for name in ("Lovely Day", "Big Love", "Love", "Love Me Do", "Lovers")]
    )
    hits = found(listener, "love", type="artist")["artists"]
    assert named(hits, "artist") == ["Love", "Big Love", "Love Me Do", "Lovers", "Lovely Day"]
    scores = [hit["score"] for hit in hits]
    assert scores[0] == 1
    assert scores == sorted(scores, reverse=True)
    # No start of a word is like it, so typos are forgiven; fewer come first.
    hits = found(listener, "bgi lvoe", type="artist")["artists"]
    assert named(hits, "artist") == ["Big Love"]


def test_among_equals_the_more_popular_comes_first(listener: Person, shelf: Shelf) -> None:
    albums = [builders.album("Live", by=shelf.maiden) for _ in range(3)]
    builders.track("One", by=shelf.maiden, on=albums[1])
    others = [Person("listener", f"fan{n}") for n in range(2)]
    for fan in others:
        Favourite.objects.create(account_id=fan.account_id, album_id=albums[2])
    hits = found(listener, "live", type="album")["albums"]
    assert [hit["album"]["id"] for hit in hits] == [albums[2], albums[1], albums[0]]
    assert {hit["score"] for hit in hits} == {1}


@pytest.mark.any_database
def test_no_more_come_than_the_limit(listener: Person) -> None:
    builders.artists([{"name": f"Twin {n:03}"} for n in range(120)])
    for limit in (1, 7, 100):
        hits = found(listener, "twin", type="artist", limit=str(limit))["artists"]
        assert len({hit["artist"]["id"] for hit in hits}) == limit
    assert len(found(listener, "twin", type="artist")["artists"]) == 10


# --- Who finds what --------------------------------------------------------------------------


def test_playlists_of_others_are_found_if_they_are_public(listener: Person) -> None:
    other = Person("listener", "other")
    for owner, name, public in (
        (listener, "Rainy mine", False),
        (other, "Rainy theirs", True),
        (other, "Rainy secret", False),
    ):
        Playlist.objects.create(owner_id=owner.account_id, name=name, public=public)
    for question in ("rainy", "rain", "raniy", "ainy"):
        hits = found(listener, question, type="playlist")["playlists"]
        assert {hit["playlist"]["name"] for hit in hits} == {"Rainy mine", "Rainy theirs"}
    assert found(listener, "rainy secret", type="playlist")["playlists"] == []
    assert {each["name"] for each in listener.items("playlists", q="raniy")} == {
        "Rainy mine",
        "Rainy theirs",
    }
    # What only another's secret list is called tells nothing, either.
    assert listener.items("playlists", q="secret") == []


def test_a_renamed_playlist_is_found_by_its_new_name(listener: Person) -> None:
    made = listener.post("playlists", {"name": "Morning"}).json
    listener.patch(f"playlists/{made['id']}", {"name": "Evening"})
    assert found(listener, "morning", type="playlist")["playlists"] == []
    assert len(found(listener, "evenin", type="playlist")["playlists"]) == 1


def test_every_list_takes_the_question(listener: Person, shelf: Shelf) -> None:
    made = listener.post("playlists", {"name": "Loud"}).json
    tracks = {"track_ids": [shelf.trooper, shelf.army]}
    listener.post(f"playlists/{made['id']}/items", tracks)
    for liked in (f"artists/{shelf.bjork}", f"tracks/{shelf.trooper}"):
        assert listener.put(f"me/favourites/{liked}", None).status == 204

    def ids(path: str, q: str) -> list[str]:
        return [each["id"] for each in listener.walk(path, q=q, limit=1)]

    assert ids("artists", "bjrok") == [shelf.bjork]
    assert ids("albums", "maiden mind") == [shelf.piece]
    assert ids("tracks", "maiden trooper") == [shelf.trooper]
    assert ids(f"artists/{shelf.maiden}/tracks", "army") == []
    assert ids(f"albums/{shelf.post}/tracks", "army") == [shelf.army]
    assert [each["name"] for each in listener.items("genres", q="metl")] == ["Heavy Metal"]
    assert [each["id"] for each in listener.items("playlists", q="lou")] == [made["id"]]
    items = listener.items(f"playlists/{made['id']}/items", q="troper")
    assert [each["track"]["id"] for each in items] == [shelf.trooper]
    found = listener.items("me/favourites", q="bjork")
    assert [each["artist"]["id"] for each in found] == [shelf.bjork]


def test_a_walk_goes_on_as_it_began(listener: Person, shelf: Shelf) -> None:
    """Whatever is added meanwhile that is written just as was asked."""
    names = [f"Metallica {n}" for n in range(4)]
    builders.artists([{"name": name} for name in names])
    first = listener.page("artists", q="metalica", sort="name", limit="2")
    builders.artist("Metalica")
    rest = listener.page("artists", q="metalica", sort="name", limit="10", cursor=first["next"])
    assert [each["name"] for each in first["items"] + rest["items"]] == names


# --- What is misspelt ------------------------------------------------------------------------


def edited(word: str, chance: random.Random) -> str:
    """With one typo: a letter left out, one too many, another one, or two exchanged."""
    at, letter = chance.randrange(len(word)), chance.choice("abcd")
    before, after = word[:at], word[at + 1 :]
    swapped = before + after[:1] + word[at] + after[1:]
    return chance.choice(
        [before + after, before + letter + word[at:], before + letter + after, swapped]
    )


def holds(probe: vocabulary.Probe, word: str) -> bool:
    turned = word if probe.column == "word" else word[::-1]
    return turned.startswith(probe.start) and probe.least <= len(word) <= probe.most


@pytest.mark.any_database
def test_every_word_that_may_be_meant_is_among_those_compared() -> None:
    chance = random.Random(1)
    missed = []
    for _ in range(20_000):
        word = "".join(chance.choices("abcd", k=chance.randrange(2, 14)))
        typed = word
        for _ in range(chance.randint(1, 2 if len(word) >= 8 else 1)):
            typed = edited(typed, chance) or word
        asked = vocabulary.Asked(typed, beside=True, started=False)
        if not asked.typos or OSA.distance(typed, word) > asked.forgiven(len(word)):
            continue
        in_middle = asked.typos > 1 and vocabulary.middle(asked) in word
        if not in_middle and not any(holds(probe, word) for probe in vocabulary.probes(asked)):
            missed.append((typed, word))
    assert missed == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [("mtallc", "Metallic"), ("iron-maid", "Iron-Maiden"), ("guns'n'ro", "Guns'n'Roses")],
)
def test_it_is_found(listener: Person, typed: str, name: str) -> None:
    builders.artist(name)
    assert named(found(listener, typed, type="artist")["artists"], "artist") == [name]


def test_ways_that_find_the_same_take_no_place_of_others(listener: Person) -> None:
    """The very name is found in five ways."""
    intro = builders.artist("Intro")
    album = builders.album("Other", by=intro)
    builders.tracks(
        [{"title": "Intro", "artist_id": intro, "album_id": album} for _ in range(7)]
        + [{"title": f"T{n}", "artist_id": intro, "album_id": album} for n in range(20)]
    )
    for limit in (10, 27):
        hits = found(listener, "intro", type="track", limit=str(limit))["tracks"]
        assert len({hit["track"]["id"] for hit in hits}) == limit


def test_of_many_as_many_are_found_as_are_asked_for(listener: Person) -> None:
    """However few of them have one of the ids that are looked at first."""
    builders.artists([{"name": f"John {n:03}"} for n in range(150)])
    for typed in ("john", "joh", "jhon"):
        for limit in (1, 20, 59, 100):
            hits = found(listener, typed, type="artist", limit=str(limit))["artists"]
            assert len({hit["artist"]["id"] for hit in hits}) == limit


def test_the_popular_one_is_found_among_many(listener: Person, shelf: Shelf) -> None:
    builders.artists([{"name": f"John {n:02}"} for n in range(40)])
    john = builders.artist("John Elton")
    builders.track("Song", by=john, on=shelf.piece)
    for typed in ("john", "joh"):
        first, *_ = found(listener, typed, type="artist")["artists"]
        assert first["artist"]["id"] == john


# --- What is odd -----------------------------------------------------------------------------

ODD = [
    "a", "é", "%", "_", "*", "'", '"', '"unclosed', "((", "OR", "AND NOT", "maiden OR", "NEAR(",
    "NEAR(iron maiden)", "-", "--", "-maiden", "maiden*", "*maiden", "^iron", "words:iron",
    "iron:*", "iron & maiden", "iron | maiden", "!iron", "iron <-> maiden", "'iron':*", "\\", "\\'",
    "a\\", "maiden; DROP TABLE catalogue_artist", "%s", "{}", "{0}", "$1",
    "\u200b", "\u202e", "\ufeff", "\x01\x1f", "\n\t", "🎸", "🎸 maiden", "½", "²", "ﷺ", "कि",
    "\U0010ffff", "e\u0301", "\u0301", "0", "0000000000", "9" * 1_000, "x" * 1_000, "x " * 500,
    "ab " * 333, "iron maiden " * 80, "ß" * 1_000, "\u1e9e" * 1_000, "ﬃ" * 1_000,
    "庄" * 400, "ta te ti to tu sa se si so su la le li lo lu ma", "\u11d0" * 300,
]  # fmt: skip


@pytest.mark.parametrize("asked", ODD)
def test_an_odd_question_has_an_answer(listener: Person, shelf: Shelf, asked: str) -> None:
    found(listener, asked)
    for path in ("artists", "albums", "tracks", "genres", "playlists", "me/favourites"):
        assert listener.get(path, q=asked).status == 200


REFUSED = [
    ({}, "q"),
    ({"q": ""}, "q"),
    ({"q": "x" * 1_001}, "q"),
    ({"q": "x" * 10_000}, "q"),
    ({"q": "a\x00b"}, "q"),
    ({"q": "a", "type": "genre"}, "type"),
    ({"q": "a", "type": ""}, "type"),
    ({"q": "a", "type": "artist,"}, "type"),
    ({"q": "a", "limit": "0"}, "limit"),
    ({"q": "a", "limit": "101"}, "limit"),
    ({"q": "a", "offset": "1"}, "offset"),
]


@pytest.mark.any_database
def test_a_question_that_cannot_be_asked_is_refused_by_name(listener: Person) -> None:
    for query, name in REFUSED:
        reply = listener.get("search", **query)
        assert (reply.status, [e["parameter"] for e in reply.json["errors"]]) == (400, [name])


# --- Laws ------------------------------------------------------------------------------------

NAMES = st.text(alphabet="abcdeio'-& /!$éöжи宇ﬁ", min_size=1, max_size=12)
LAW = examples(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ids_of(question: str, kind: str = "artist") -> list[int]:
    return [int(hit.row[0]) for hit in search(question, [kind], 100, 0)[kind].hits]


@pytest.fixture
def crowd() -> None:
    """Artists whose names are made of the same few letters."""
    names = [
        f"{first}{second} {third}"
        for first in ("abe", "éco", "d'o", "жи", "宇")
        for second in ("", "ab", "ice", "-o")
        for third in ("", "bad", "adob", "ö & i", "ke$ha")
    ]
    builders.artists([{"name": name.strip()} for name in dict.fromkeys(names)])


@pytest.mark.usefixtures("crowd")
@given(question=NAMES)
@LAW
def test_case_accents_and_spacing_of_a_question_change_nothing(question: str) -> None:
    told = ids_of(question)
    assert ids_of(f"  {question.upper()}\t") == told or question.upper().lower() != question
    assert ids_of(fold(question)) == told
    assert ids_of(question.replace(" ", "   ")) == told


@pytest.mark.usefixtures("crowd")
@given(question=NAMES, word=st.text(alphabet="abcdeioжи", min_size=1, max_size=6))
@LAW
def test_another_word_adds_nothing_that_lacks_it(question: str, word: str) -> None:
    added = {*ids_of(f"{question} {word}")} - {*ids_of(question)}
    asked = Question(f"{question} {word}")
    # Whatever of it was looked up, so that each way to find the word is known.
    list(asked.looser())
    piece = asked.manners[-1]
    for artist in Artist.objects.filter(pk__in=added):
        step, _ = piece.best(artist.name_words.split())
        assert step < NOWHERE, (artist.name, question, word)


@pytest.mark.usefixtures("crowd")
def test_its_own_name_finds_a_thing_first_among_equals() -> None:
    for artist in Artist.objects.all():
        first, *_ = search(artist.name, ["artist"], 1, 0)["artist"].hits
        assert (first.score, fold(first.row[1])) == (1, artist.name_key)


@pytest.mark.usefixtures("crowd")
@given(question=st.text(min_size=1, max_size=40))
@LAW
def test_no_text_breaks_it(question: str) -> None:
    search(question.replace("\x00", "").encode(errors="ignore").decode(), KINDS, 10, 0)


@given(st.lists(st.text("ab", min_size=1, max_size=4), max_size=9))
def test_a_filter_looks_for_no_word_that_another_one_begins_with(words: list[str]) -> None:
    found = starts(" ".join(words))
    assert all(any(other.startswith(word) for other in found) for word in words)
    assert not any(a != b and b.startswith(a) for a in found for b in found)
    assert sorted(found) == sorted({*found})
