"""Which row means which track, and what it does to it."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from vivace.accounts.models import User
from vivace.catalogue import caching
from vivace.catalogue.entries import CREDITS_MAX
from vivace.catalogue.models import Album, Artist, Genre, Track
from vivace.imports import formats, run, store, tracks
from vivace.imports.report import ImportReport
from vivace.listening.models import Playlist
from vivace.problems import Conflict

pytestmark = pytest.mark.django_db

NEUTRAL = {"title": "Hyperballad", "artist": "Björk", "album": "Post"}
MBID = "0B2D2C5B-5F0A-4A5B-8D7F-0C6E2E1E9A11"


@pytest.fixture(autouse=True, params=[1, 5_000], ids=["a row a chunk", "chunks"])
def _chunk_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CHUNK_ROWS", request.param)


def import_(*rows: dict[str, Any], **options: Any) -> ImportReport:
    lines = "\n".join(json.dumps(row) for row in rows)
    return run.import_rows(io.BytesIO(lines.encode()), **options)


def import_csv(text: str, **options: Any) -> ImportReport:
    return run.import_rows(io.BytesIO(text.encode()), **options)


def counts(report: ImportReport) -> tuple[int, int, int, list[str]]:
    reasons = [f"{error.line}: {error.reason}" for error in report.errors]
    return report.added, report.changed, report.unchanged, reasons


def track(**names: Any) -> Track:
    return Track.objects.select_related("artist", "album").get(**names)


def genres(entry: Album | Track) -> list[str]:
    return [row.genre.name for row in entry.genre_rows.order_by("position")]


def test_a_row_brings_its_artist_album_and_genres() -> None:
    row = NEUTRAL | {
        "album_artist": "Various", "disc_number": 2, "track_number": 0, "duration_ms": 321_000,
        "genres": ["Électronique", "Pop", "pop"], "composer": "Björk", "release_date": "1995-06",
        "mbid": MBID, "isrc": "gb-aye-95-00010", "source": "cd", "source_id": 7,
    }  # fmt: skip
    assert counts(import_(row)) == (1, 0, 0, [])
    found = track()
    assert (found.title, found.artist.name, found.album.title, found.album.artist.name) == (
        "Hyperballad", "Björk", "Post", "Various",
    )  # fmt: skip
    assert (found.disc_number, found.track_number, found.duration_ms) == (2, 0, 321_000)
    assert (found.mbid, found.isrc) == (MBID.lower(), "GBAYE9500010")
    assert (found.source, found.source_id, found.composer) == ("cd", "7", "Björk")
    assert found.album.release_date == "1995-06"
    assert genres(found) == genres(found.album) == ["Électronique", "Pop"]
    keys = (found.title_key, found.artist_key, found.album_key, found.release_year)
    assert keys == ("hyperballad", "bjork", "post", 1995)
    assert list(found.artist.genre_rows.values_list("genre__name", flat=True).order_by("id")) == [
        "Électronique", "Pop",
    ]  # fmt: skip


def test_the_same_rows_again_change_nothing_and_the_generation_stays() -> None:
    rows = [NEUTRAL, NEUTRAL | {"title": "Isobel", "genre": "Pop", "release_date": "1995"}]
    import_(*rows)
    generation = caching.generation()
    report = import_(*rows)
    assert counts(report) == (0, 0, 2, [])
    assert not report.stored
    assert caching.generation() == generation


def test_names_are_the_same_without_case_accents_and_spaces() -> None:
    import_(NEUTRAL)
    again = {"title": "Hyperballad", "artist": " BJORK ", "album": "pöst"}
    assert counts(import_(again)) == (0, 0, 1, [])
    assert (Artist.objects.count(), Album.objects.count()) == (1, 1)


def test_a_track_is_found_by_its_mbid_before_all_else() -> None:
    import_(NEUTRAL | {"mbid": MBID, "source": "a", "source_id": "1"})
    renamed = {"title": "Hyper-Ballad", "artist": "Björk", "album": "Telegram", "mbid": MBID}
    assert counts(import_(renamed)) == (0, 1, 0, [])
    found = track()
    assert (found.title, found.album.title, found.title_words) == (
        "Hyper-Ballad", "Telegram", "hyper ballad hyperballad",
    )  # fmt: skip
    assert (found.album_key, found.source_id) == ("telegram", "1")


def test_a_source_is_given_to_a_track_that_has_none_and_else_left() -> None:
    import_(NEUTRAL)
    assert counts(import_(NEUTRAL | {"source_id": 1}, source="first")) == (0, 1, 0, [])
    assert counts(import_(NEUTRAL | {"source_id": 2}, source="second")) == (0, 0, 1, [])
    assert (track().source, track().source_id) == ("first", "1")


def test_two_ids_of_one_source_are_two_tracks() -> None:
    rows = [NEUTRAL | {"source_id": number} for number in (1, 2)]
    assert counts(import_(*rows, source="cd")) == (2, 0, 0, [])
    assert counts(import_(*rows, source="cd")) == (0, 0, 2, [])


def test_an_mbid_and_a_source_id_of_two_tracks_are_refused() -> None:
    import_(NEUTRAL | {"mbid": MBID}, {"title": "Isobel", "artist": "Björk", "album": "Post",
                                       "source": "cd", "source_id": 2})  # fmt: skip
    report = import_(NEUTRAL | {"mbid": MBID, "source": "cd", "source_id": 2})
    assert counts(report) == (
        0, 0, 0, ["1: mbid: it belongs to another track than the source_id does"],
    )  # fmt: skip


def test_an_mbid_that_a_row_took_from_its_track_is_free_for_another_of_its_names() -> None:
    import_(NEUTRAL | {"mbid": MBID, "source_id": 1}, source="cd")
    other = MBID.replace("A", "B")
    rows: list[dict[str, Any]] = [
        NEUTRAL | {"source_id": 1, "mbid": other}, NEUTRAL | {"source_id": 2},
        NEUTRAL | {"mbid": MBID},
    ]  # fmt: skip
    assert counts(import_(*rows, source="cd")) == (1, 2, 0, [])
    assert track(source_id="1").mbid == other.lower()
    assert track(source_id="2").mbid == MBID.lower()


def test_an_mbid_passes_from_one_track_to_another() -> None:
    one, other = ({"title": n, "source": "cd", "source_id": n} for n in "ab")
    import_(NEUTRAL | one, NEUTRAL | other | {"mbid": MBID})
    rows = NEUTRAL | other | {"mbid": None}, NEUTRAL | one | {"mbid": MBID}
    assert counts(import_(*rows)) == (0, 2, 0, [])
    assert [track(title=n).mbid for n in "ab"] == [MBID.lower(), None]


@pytest.mark.parametrize(("model", "name"), [(Artist, "name"), (Album, "title")])
def test_an_mbid_passes_from_one_artist_or_album_to_another(
    model: type[Artist | Album], name: str
) -> None:
    said = {"kind": model._meta.model_name, "artist": "Nobody", "source": "cd"}
    if model is Artist:
        del said["artist"]
    zaz, bjork = (said | {name: text, "source_id": text} for text in ("Zaz", "Björk"))
    import_(zaz, bjork | {"mbid": MBID})
    change = {"sort_name": "Z"} if model is Artist else {"type": "ep"}
    import_(zaz | change, bjork | {"mbid": None}, zaz | {"mbid": MBID})
    found = model.objects.filter(source="cd").order_by("id").values_list("mbid", flat=True)
    assert [*found] == [MBID.lower(), None]


def test_artists_who_exchange_names_are_told_of() -> None:
    zaz, bjork = ({"kind": "artist", "source": "cd", "source_id": n} for n in "ab")
    import_(zaz | {"name": "Zaz"}, bjork | {"name": "Björk"})
    before = caching.generation()
    rows = (
        zaz | {"name": "Zaz", "sort_name": "Z"}, bjork | {"name": "Sjón"}, zaz | {"name": "Björk"},
    )  # fmt: skip
    with pytest.raises(Conflict, match="exchange a name"):
        import_(*rows)
    assert {*Artist.objects.values_list("name", flat=True)} == {"Zaz", "Björk"}
    assert caching.generation() == before
    import_(rows[1])
    import_(rows[0], rows[2])
    assert {*Artist.objects.values_list("name", flat=True)} == {"Björk", "Sjón"}


def test_names_that_very_many_have_tell_no_track(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "SAME_NAMES_MAX", 3)
    rows = [NEUTRAL | {"source": "cd", "source_id": n} for n in range(5)]
    assert counts(import_(*rows)) == (5, 0, 0, [])
    told = "title: 3 tracks of this album and artist or more are called 'Hyperballad'; mbid,"
    for _ in range(2):
        added, changed, unchanged, [reason] = counts(import_(NEUTRAL, *rows))
        assert (added, changed, unchanged) == (0, 0, 5)
        assert told in reason
    assert counts(import_(NEUTRAL | {"mbid": MBID})) == (1, 0, 0, [])


@pytest.mark.parametrize("kind", ["track", "album"])
def test_a_later_row_says_whose_it_is_and_the_first_credit_follows(kind: str) -> None:
    row: dict[str, Any] = {"kind": kind, "title": "Post", "source": "cd", "source_id": 1}
    if kind == "track":
        row |= {"album": "Post", "album_artist": "Various"}
    credited = [{"name": "Björk"}, {"name": "Tricky"}]
    import_(row | {"artist": "Björk", "credits": credited}, row | {"artist": "Zaz"})
    found = (Track if kind == "track" else Album).objects.get()
    listed = found.credits.order_by("position").values_list("artist__name", "credited_as")
    assert [*listed] == [("Zaz", "Zaz"), ("Tricky", "Tricky")]
    assert json.loads(found.credit_list)[0]["name"] == found.artist.name == "Zaz"


if connection.vendor == "sqlite":

    @pytest.mark.parametrize(("few", "taken"), [(20, 1), (0, 0)])
    def test_a_large_import_keeps_the_indexes_where_much_changes(
        few: int, taken: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_(NEUTRAL)
        relieved, times = store.sqlite_relieved, list[int]()

        @contextmanager
        def counted() -> Iterator[None]:
            times.append(1)
            with relieved():
                yield

        monkeypatch.setattr(store, "sqlite_relieved", counted)
        monkeypatch.setattr(store, "LARGE", 1)
        monkeypatch.setattr(store, "FEW", few)
        album = {"kind": "album", "title": "Post", "artist": "Björk", "type": "album"}
        import_(album, *(NEUTRAL | {"title": title} for title in ("Isobel", "Enjoy")))
        assert len(times) == taken
        assert Album.objects.get().type == "album"
        assert Track.objects.count() == 3


def test_a_date_is_that_of_the_album_that_the_track_stays_on() -> None:
    import_(NEUTRAL | {"album_artist": "Various", "source": "cd", "source_id": "1"})
    rows = (
        NEUTRAL | {"source": "cd", "source_id": "1", "mbid": MBID},
        NEUTRAL | {"mbid": MBID, "release_date": "1999"},
    )
    assert counts(import_(*rows)) == (0, 2, 0, [])
    assert Album.objects.get().release_date == "1999"


def test_a_row_of_csv_ends_though_its_quotes_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "RECORD_BYTES", 60)
    more = [f"Money {n},Pink,Dark" for n in range(9)]
    text = "\n".join(["title,artist,album", '"Wish,Pink,Wish', *more])
    swallowed = "2: by its quotes the row has more than 60 bytes"
    assert counts(import_csv(text)) == (6, 0, 0, [swallowed])


def test_a_source_id_needs_a_source() -> None:
    report = import_(NEUTRAL | {"source_id": 1}, NEUTRAL | {"title": "Isobel"})
    assert counts(report) == (
        1, 0, 0,
        ["1: source_id: of which source? Give --source NAME or a source column"],
    )  # fmt: skip


def test_numbers_tell_tracks_of_one_name_apart() -> None:
    rows = [NEUTRAL | {"track_number": number} for number in (1, 2)]
    assert counts(import_(*rows)) == (2, 0, 0, [])
    assert counts(import_(NEUTRAL | {"track_number": 2, "duration_ms": 5})) == (0, 1, 0, [])
    assert track(track_number=2).duration_ms == 5
    added, changed, unchanged, reasons = counts(import_(NEUTRAL))
    assert (added, changed, unchanged) == (0, 0, 0)
    assert reasons[0].startswith("1: title: 2 tracks of this album and artist are called")


def test_a_track_without_a_number_is_given_one() -> None:
    import_(NEUTRAL)
    assert counts(import_(NEUTRAL | {"track_number": 4})) == (0, 1, 0, [])
    assert track().track_number == 4


def test_an_absent_column_leaves_a_value_and_null_clears_it() -> None:
    given = NEUTRAL | {
        "composer": "Björk",
        "duration_ms": 1,
        "genre": "Pop",
        "isrc": "GBAYE9500010",
        "release_date": "1995",
        "track_number": 3,
    }
    import_(given)
    assert counts(import_(NEUTRAL)) == (0, 0, 1, [])
    cleared = NEUTRAL | dict.fromkeys(given.keys() - NEUTRAL.keys())
    assert counts(import_(cleared)) == (0, 1, 0, [])
    found = track()
    values = (found.composer, found.duration_ms, found.isrc, found.track_number, genres(found))
    assert values == (None, None, None, None, [])
    assert found.album.release_date is None
    assert found.release_year is None
    assert counts(import_(cleared)) == (0, 0, 1, [])


def test_a_later_row_of_a_file_changes_the_track_of_an_earlier_one() -> None:
    report = import_(NEUTRAL, NEUTRAL | {"composer": "Björk"}, NEUTRAL, NEUTRAL | {"genre": "Pop"})
    assert counts(report) == (1, 2, 1, [])
    assert (track().composer, genres(track())) == ("Björk", ["Pop"])


def test_a_track_changed_twice_in_a_file_has_both_changes() -> None:
    import_(NEUTRAL | {"source": "cd", "source_id": 1, "genre": "Pop"})
    moved = {"title": "Possibly Maybe", "artist": "Björk", "album": "Post"}
    report = import_(
        moved
        | {"source": "cd", "source_id": 1, "credits": [{"name": "Björk"}, {"name": "Nellee"}]},
        moved | {"composer": "Björk"},
        NEUTRAL | {"title": "Hyperballad"},
    )
    assert counts(report) == (1, 2, 0, [])
    found = track(title="Possibly Maybe")
    assert (found.composer, genres(found), found.credits.count()) == ("Björk", ["Pop"], 2)


def test_genres_are_replaced_in_order() -> None:
    import_(NEUTRAL | {"genres": ["Pop", "Trip Hop"]})
    assert counts(import_(NEUTRAL | {"genres": ["trip hop", "Ambient"]})) == (0, 1, 0, [])
    assert genres(track()) == ["Trip Hop", "Ambient"]
    artist = Artist.objects.get()
    found = {row.genre.name for row in artist.genre_rows.all()}
    assert found == {"Pop", "Trip Hop", "Ambient"}, "the album still has Pop"


def test_a_new_album_has_the_genres_of_its_tracks_and_an_old_one_keeps_its_own() -> None:
    import_(
        NEUTRAL | {"genre": "Pop"},
        NEUTRAL | {"title": "Isobel", "genres": ["Trip Hop", "Pop"]},
    )
    assert genres(Album.objects.get()) == ["Pop", "Trip Hop"]
    import_(NEUTRAL | {"title": "Enjoy", "genre": "Ambient"})
    assert genres(Album.objects.get()) == ["Pop", "Trip Hop"]


def test_credits_are_kept_in_order_where_they_say_more_than_the_artist() -> None:
    given = [
        {"name": "Björk"},
        {"name": "Skunk Anansie", "credited_as": "Skunk Anansie (UK)", "role": "remixer"},
    ]
    import_(NEUTRAL | {"credits": given}, NEUTRAL | {"title": "Isobel", "credits": given[:1]})
    listed = track(title="Hyperballad").credits.values_list("artist__name", "credited_as", "role")
    assert list(listed) == [
        ("Björk", "Björk", "main"),
        ("Skunk Anansie", "Skunk Anansie (UK)", "remixer"),
    ]
    assert track(title="Isobel").credits.count() == 0
    assert counts(import_(NEUTRAL | {"credits": given})) == (0, 0, 1, [])
    assert counts(import_(NEUTRAL | {"credits": None})) == (0, 1, 0, [])
    assert track(title="Hyperballad").credits.count() == 0


def test_more_credits_than_a_request_may_have_are_refused() -> None:
    guests = [{"name": "Björk"}, *({"name": f"Guest {n}"} for n in range(CREDITS_MAX))]
    assert import_(NEUTRAL | {"credits": guests[:-1]}).refused == 0
    (error,) = import_(NEUTRAL | {"title": "Isobel", "credits": guests}).errors
    assert error.reason.startswith("credits: ")


def test_playlists_are_told_by_their_source_id_or_else_by_their_name() -> None:
    alice = User.objects.create_user("alice", "alice@example.org")

    def playlists(*rows: dict[str, Any]) -> tuple[int, int, int, list[str]]:
        empty = {"kind": "playlist", "tracks": []}
        return counts(import_(*(empty | row for row in rows), owner=alice))

    ours = {"source": "ours", "source_id": "1"}
    assert playlists({"name": "Kept"}, {"name": "KEPT"}) == (1, 1, 0, [])
    assert playlists({"name": "Kept"} | ours, {"name": "kept"}) == (
        1, 0, 0, ["2: name: 2 playlists have it; a source_id says which"]
    )  # fmt: skip
    renamed = {"name": "Other"} | ours
    assert playlists(renamed, {"name": "KEPT"}, {"name": "Other"}) == (0, 1, 2, [])
    assert playlists({"name": "Kept"} | ours, {"name": "Other"}) == (1, 1, 0, [])
    assert [*Playlist.objects.order_by("id").values_list("name", flat=True)] == [
        "KEPT", "Kept", "Other",
    ]  # fmt: skip


def test_the_first_credit_follows_the_artist() -> None:
    import_(NEUTRAL | {"mbid": MBID, "credits": [{"name": "Björk"}, {"name": "Tricky"}]})
    assert counts(import_(NEUTRAL | {"mbid": MBID, "artist": "Massive Attack"})) == (0, 1, 0, [])
    listed = track().credits.values_list("artist__name", "credited_as")
    assert list(listed) == [("Massive Attack", "Massive Attack"), ("Tricky", "Tricky")]


def test_a_refused_row_leaves_nothing_of_what_it_names() -> None:
    import_(*({**NEUTRAL, "track_number": number} for number in (1, 2)))
    report = import_(NEUTRAL | {"credits": [{"name": "Björk"}, {"name": "Tricky"}]})
    assert report.refused == 1
    assert Artist.objects.count() == 1


def test_an_update_by_id_leaves_a_track_on_its_compilation() -> None:
    by_id = {"source": "cd", "source_id": 1}
    import_(NEUTRAL | by_id | {"album_artist": "Various"})
    assert counts(import_(NEUTRAL | by_id | {"composer": "Björk"})) == (0, 1, 0, [])
    assert (Album.objects.count(), track().album.artist.name) == (1, "Various")


def test_artist_rows_tell_namesakes_apart() -> None:
    row = {"title": "Rainbow Chaser", "artist": "Nirvana", "album": "All of Us"}
    report = import_(
        {"kind": "artist", "name": "Nirvana", "disambiguation": "UK", "sort_name": "Nirvana 60s"},
        {"kind": "artist", "name": "Nirvana", "disambiguation": "US"},
        row,
        row | {"artist_disambiguation": "UK"},
    )
    assert counts(report) == (
        1, 0, 0, ["3: artist: 2 are called 'Nirvana'; a disambiguation says which"],
    )  # fmt: skip
    assert (track().artist.disambiguation, track().artist_key) == ("UK", "nirvana 60s")


def test_a_new_sort_name_reaches_the_keys_of_tracks() -> None:
    import_(NEUTRAL | {"genre": "Pop"})
    import_({"kind": "artist", "name": "Björk", "sort_name": "Guðmundsdóttir, Björk"})
    found = track()
    assert found.artist_key == found.album.artist_key == "guðmundsdottir, bjork"
    assert found.genre_rows.get().artist_key == found.artist_key


def test_album_rows_say_what_track_rows_cannot() -> None:
    album = {"kind": "album", "title": "Post", "artist": "Björk", "type": "album", "mbid": MBID,
             "release_date": "1995-06-13", "genres": ["Art Pop"]}  # fmt: skip
    import_(album, NEUTRAL | {"genre": "Pop", "release_date": "1996"})
    found = Album.objects.get()
    assert (found.type, found.mbid, found.release_date) == ("album", MBID.lower(), "1995-06-13")
    assert genres(found) == ["Art Pop"]
    import_(album | {"title": "Post (Deluxe)", "genres": None, "type": None})
    found = Album.objects.get()
    assert (found.title, found.type, genres(found)) == ("Post (Deluxe)", None, [])
    assert track().album_key == "post (deluxe)"


def test_two_albums_of_one_name_are_told_apart_by_their_copy() -> None:
    album = {"kind": "album", "title": "Weezer", "artist": "Weezer"}
    song = {"title": "Say It Ain't So", "artist": "Weezer", "album": "Weezer"}
    rows = [
        album | {"copy": 1, "release_date": "1994"},
        album | {"copy": 2, "release_date": "2001"},
    ]
    assert counts(import_(*rows, song | {"album_copy": 2})) == (1, 0, 0, [])
    assert track().release_year == 2001
    report = import_(*rows, song | {"album_copy": 2}, song)
    assert counts(report)[2:] == (
        1, ["4: album: 2 of this artist are called 'Weezer'; album_copy says which"],
    )  # fmt: skip


def test_the_first_date_a_file_gives_an_album_stands() -> None:
    rows = [
        NEUTRAL | {"release_date": "1995"},
        NEUTRAL | {"title": "Isobel", "release_date": "1996"},
    ]
    import_(*rows)
    assert Album.objects.get().release_date == "1995"
    assert counts(import_(*rows)) == (0, 0, 2, [])


def test_csv_cells_are_read_by_their_column() -> None:
    text = (
        "\ufefftitle,artist,album,track_number,genres,shelf,composer,release_date\r\n"
        '"Hyper, ballad",Björk,Post,3,Pop; Trip Hop,A1,,1995\r\n'
        "\r\n"
        "Isobel,Björk,Post,three,Pop,A1,,"
    )
    report = import_csv(text)
    assert counts(report) == (
        1, 0, 0, ["4: track_number: 'three' is not a whole number of up to 18 digits"],
    )  # fmt: skip
    assert report.notes == ["left out, being unknown columns: shelf"]
    found = track()
    assert (found.title, found.track_number, genres(found)) == (
        "Hyper, ballad", 3, ["Pop", "Trip Hop"],
    )  # fmt: skip


def test_a_dry_run_counts_and_writes_nothing() -> None:
    report = import_(NEUTRAL, dry_run=True)
    assert counts(report) == (1, 0, 0, [])
    assert not Artist.objects.exists()
    assert not Genre.objects.exists()


@pytest.fixture
def _another_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone adds the very track while the file is planned, the first time it is."""
    planned = run.Attempt.plan
    added: list[bool] = []

    def plan(attempt: run.Attempt) -> None:
        planned(attempt)
        if not added:
            added.append(True)
            artist = Artist.objects.create(name="Björk")
            album = Album.objects.create(title="Post", artist=artist)
            Track.objects.create(title="Hyperballad", artist=artist, album=album)
            caching.advance()

    monkeypatch.setattr(run.Attempt, "plan", plan)


@pytest.mark.usefixtures("_another_writer")
def test_a_file_is_planned_again_when_the_catalogue_moved_meanwhile() -> None:
    assert counts(import_(NEUTRAL | {"composer": "Björk"})) == (0, 1, 0, [])
    assert track().composer == "Björk"
