"""The catalogue in Django's admin: what it shows, what it writes, and that it stays quick."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import builders
from tests.client import Person
from tests.sites import until
from tests.threads import at_once, somebody_waits
from vivace.accounts.models import User
from vivace.catalogue import changes
from vivace.catalogue.admin import SHOWN_MAX, CatalogueAdmin
from vivace.catalogue.caching import changing, generation
from vivace.catalogue.entries import ArtistChanges
from vivace.catalogue.models import Album, Artist, ArtistGenre, Genre, Track

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)

KINDS = ("artist", "album", "track", "genre")
ROOT = "/admin/catalogue"
MBID = "b7ffd2af-418f-4be2-bdd1-22f8b48613da"
UNINDEXED = r"Sort|TEMP B-TREE|Seq Scan|SCAN catalogue_\w+$"


@pytest.fixture
def inside(client: Client) -> Client:
    client.force_login(User.objects.create_user("clara", "clara@example.org", role="admin"))
    return client


@pytest.fixture
def nina() -> Artist:
    """An artist with an album with a track, each of a genre and credited to two."""
    by, other = builders.artist(), builders.artist("Weldon Irvine")
    credited: dict[str, Any] = {
        "credits": [{"artist_id": by}, {"artist_id": other, "role": "organ"}]
    }
    on = builders.album(by=by, genres=["Jazz"], release_date="1965", **credited)
    builders.track(by=by, on=on, genres=["Soul", "Jazz"], duration_ms=622_000, **credited)
    return Artist.objects.get(pk=by)


def pk_of(kind: str) -> int:
    models = {"artist": Artist, "album": Album, "track": Track, "genre": Genre}
    found: Any = models[kind]._default_manager.order_by("pk").first()
    return int(found.pk)


def form_of(client: Client, path: str) -> dict[str, str]:
    """The fields of a page as a browser would send them back."""
    page = client.get(path)
    assert page.status_code == 200
    admin_form: Any = page.context["adminform"].form
    forms = [admin_form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    given = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                given[field.html_name] = str(value)
    return given


def faults_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


# --- Who gets in -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["listener", "editor"])
def test_only_admins_get_in(client: Client, nina: Artist, role: str) -> None:
    client.force_login(User.objects.create_user(role, f"{role}@example.org", role=role))
    for kind in KINDS:
        for path in ("", "add/", f"{pk_of(kind)}/change/", f"{pk_of(kind)}/delete/"):
            assert client.get(f"{ROOT}/{kind}/{path}").status_code == 302


# --- What it shows -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_its_pages_show(inside: Client, nina: Artist, kind: str) -> None:
    pk = pk_of(kind)
    for path in ("", "add/", f"{pk}/change/", f"{pk}/delete/", f"{pk}/history/"):
        assert inside.get(f"{ROOT}/{kind}/{path}").status_code == 200


@pytest.mark.parametrize(
    ("kind", "asked", "shown"),
    [
        ("artist", "SIMÓNE n", ["Nina Simone"]),
        ("artist", "one", []),
        ("artist", "?", []),
        ("artist", "", ["Nina Simone", "Weldon Irvine"]),
        ("album", "blu past", ["Pastel Blues"]),
        ("track", "sinn", ["Sinnerman"]),
        ("genre", "SO", ["Soul"]),
        ("genre", "oul", []),
    ],
)
def test_things_are_found_by_the_starts_of_words(
    inside: Client, nina: Artist, kind: str, asked: str, shown: list[str]
) -> None:
    page = inside.get(f"{ROOT}/{kind}/", {"q": asked})
    found = page.context["cl"].result_list
    assert [getattr(row, "name", getattr(row, "title", "")) for row in found] == shown


def test_an_artist_of_an_album_is_found_as_one_types(inside: Client, nina: Artist) -> None:
    asked = {"app_label": "catalogue", "model_name": "album", "field_name": "artist", "term": "ni"}
    reply = inside.get("/admin/autocomplete/", asked)
    assert reply.json()["results"] == [{"id": str(nina.pk), "text": "Nina Simone"}]


def test_a_form_puts_nothing_back_that_was_changed_since_it_was_opened(
    inside: Client, nina: Artist, editor: Person
) -> None:
    for kind, change in (("album", {"release_date": "1966"}), ("artist", {"name": "Eunice"})):
        pk = pk_of(kind)
        path, api = f"{ROOT}/{kind}/{pk}/change/", f"{kind}s/{pk}"
        form = form_of(inside, path) | {"mbid": MBID}
        after = editor.patch(api, change).json
        assert faults_of(inside.post(path, form)) == {
            "__all__": ["It has been changed since this page was opened: open it anew"]
        }
        assert editor.get(api).json == after
        form = form_of(inside, path) | {"mbid": MBID}
        assert inside.post(path, form).status_code == 302
        found = editor.get(api).json
        assert found | {"updated_at": ""} == after | {"updated_at": "", "mbid": MBID}


# --- That it stays quick -------------------------------------------------------------------------


def statements(client: Client, path: str) -> list[str]:
    """Those about the catalogue."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [q["sql"] for q in captured.captured_queries if "catalogue_" in q["sql"]]


def sorted_lists() -> list[str]:
    """Every list by every column, sortable or not, both ways."""
    return [
        f"{ROOT}/{model._meta.model_name}/?o={sign}{number}"
        for model, options in sites()
        for number in range(len(options.list_display))
        for sign in ("", "-")
    ]


def sites() -> list[tuple[Any, CatalogueAdmin]]:
    from django.contrib import admin

    registered = admin.site._registry.items()
    return [(model, found) for model, found in registered if isinstance(found, CatalogueAdmin)]


def test_a_list_takes_a_bounded_count_and_its_page(inside: Client, nina: Artist) -> None:
    for kind in KINDS:
        before = statements(inside, f"{ROOT}/{kind}/")
        assert len(before) == len(["how many, up to a bound", "the page"])
    builders.plain_tracks(200, by=str(nina.pk), on=str(pk_of("album")))
    builders.artists([{"name": f"{n}"} for n in range(200)])
    for kind in KINDS:
        for path in (f"{ROOT}/{kind}/", f"{ROOT}/{kind}/?p=2"):
            assert len(statements(inside, path)) == 2
    for kind in ("artist", "track"):
        assert all("LIMIT" in sql for sql in statements(inside, f"{ROOT}/{kind}/"))


def test_a_list_is_read_in_the_order_of_an_index(inside: Client, nina: Artist) -> None:
    assert len(sorted_lists()) >= len(KINDS) * 2 * 3
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The few rows here cost less read whole and sorted: it is asked what can be done.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        for path in [*sorted_lists(), *(f"{ROOT}/{kind}/" for kind in KINDS)]:
            for sql in statements(inside, path):
                plan = explained(cursor, sql)
                if "/genre/" in path:
                    # PostgreSQL does not see that a unique name needs no id to be in order.
                    plan = plan.replace("Incremental Sort", "")
                    plan = re.sub(r"(Sort|Presorted) Key: name_key.*", "", plan)
                assert not re.search(UNINDEXED, plan, re.MULTILINE), (path, sql, plan)


def explained(cursor: Any, sql: str) -> str:
    if connection.vendor == "postgresql":
        cursor.execute(f"EXPLAIN {sql}")
        lines = [line for (line,) in cursor.fetchall()]
        return "\n".join(lines)
    cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
    return "\n".join(line for *_, line in cursor.fetchall())


def test_a_list_ends_somewhere(inside: Client, nina: Artist) -> None:
    builders.plain_tracks(SHOWN_MAX + 1, by=str(nina.pk), on=str(pk_of("album")))
    assert inside.get(f"{ROOT}/track/").context["cl"].result_count == SHOWN_MAX
    assert inside.get(f"{ROOT}/track/?q=0").context["cl"].result_count == SHOWN_MAX


def test_a_form_offers_no_list_of_all_there_are(inside: Client, nina: Artist) -> None:
    few = {kind: len(inside.get(f"{ROOT}/{kind}/{pk_of(kind)}/change/").content) for kind in KINDS}
    counts = {
        kind: len(statements(inside, f"{ROOT}/{kind}/{pk_of(kind)}/change/")) for kind in KINDS
    }
    builders.artists([{"name": f"{n}"} for n in range(300)])
    builders.plain_tracks(300, by=str(nina.pk), on=str(pk_of("album")))
    for kind in KINDS:
        path = f"{ROOT}/{kind}/{pk_of(kind)}/change/"
        assert len(inside.get(path).content) < few[kind] + 1_000
        assert len(statements(inside, path)) == counts[kind]


# --- What it writes ------------------------------------------------------------------------------


def test_an_artist_is_added_and_found(inside: Client) -> None:
    before = generation()
    given = {"name": "  Sigur  RÓS", "sort_name": "", "mbid": "", "source": "", "source_id": ""}
    assert inside.post(f"{ROOT}/artist/add/", given).status_code == 302
    made = Artist.objects.get()
    assert (made.name_key, made.sort_name, made.mbid, made.source) == (
        "sigur ros",
        None,
        None,
        None,
    )
    assert generation() != before
    assert inside.get(f"{ROOT}/artist/?q=ros").context["cl"].result_count == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_sent_back_as_it_is_changes_nothing_but_the_moment(
    inside: Client, nina: Artist, kind: str
) -> None:
    model: Any = {"artist": Artist, "album": Album, "track": Track, "genre": Genre}[kind]
    before = model._default_manager.values().get(pk=pk_of(kind))
    moved = generation()
    path = f"{ROOT}/{kind}/{pk_of(kind)}/change/"
    assert inside.post(path, form_of(inside, path)).status_code == 302
    after = model._default_manager.values().get(pk=pk_of(kind))
    assert after.pop("updated_at") > before.pop("updated_at")
    assert after == before
    assert generation() != moved


def test_a_new_name_reaches_what_is_sorted_by_it(inside: Client, nina: Artist) -> None:
    path = f"{ROOT}/artist/{nina.pk}/change/"
    given = form_of(inside, path) | {"name": "Eunice Waymon"}
    assert inside.post(path, given).status_code == 302
    assert Album.objects.get().artist_key == "eunice waymon"
    assert Track.objects.get().genre_rows.filter(artist_key="eunice waymon").count() == 2


def test_genres_and_credits_of_a_track_are_edited(inside: Client, nina: Artist) -> None:
    track = Track.objects.get()
    gospel = Genre.objects.create(name="Gospel")
    path = f"{ROOT}/track/{track.pk}/change/"
    given = form_of(inside, path)
    given |= {
        "genre_rows-0-genre": str(gospel.pk),
        "genre_rows-1-DELETE": "on",
        "credits-1-DELETE": "on",
        "credits-0-credited_as": "Dr. Nina Simone",
    }
    assert inside.post(path, given).status_code == 302
    assert [row.genre for row in track.genre_rows.all()] == [gospel]
    assert [credit.credited_as for credit in track.credits.all()] == ["Dr. Nina Simone"]
    assert {*ArtistGenre.objects.values_list("genre__name", flat=True)} == {"Gospel", "Jazz"}


def test_the_first_credit_is_the_artist(inside: Client, nina: Artist) -> None:
    path = f"{ROOT}/track/{Track.objects.get().pk}/change/"
    page = inside.post(path, form_of(inside, path) | {"credits-0-position": "9"})
    assert page.status_code == 200
    assert "The first credit is not the artist" in page.content.decode()


def test_genres_change_places(inside: Client, nina: Artist) -> None:
    track, gospel = Track.objects.get(), Genre.objects.create(name="Gospel")
    path = f"{ROOT}/track/{track.pk}/change/"
    # One goes, and another takes its place.
    given = form_of(inside, path) | {
        "genre_rows-TOTAL_FORMS": "3", "genre_rows-1-DELETE": "on",
        "genre_rows-2-position": "1", "genre_rows-2-genre": str(gospel.pk),
    }  # fmt: skip
    assert inside.post(path, given).status_code == 302
    assert [row.genre.name for row in track.genre_rows.all()] == ["Soul", "Gospel"]
    given = form_of(inside, path) | {"genre_rows-0-position": "1", "genre_rows-1-position": "0"}
    assert inside.post(path, given).status_code == 302
    rows = track.genre_rows.all()
    assert [(row.position, row.genre.name) for row in rows] == [(0, "Gospel"), (1, "Soul")]
    given = form_of(inside, path)
    genres = "genre_rows-0-genre", "genre_rows-1-genre"
    given |= dict(zip(genres, [given[name] for name in reversed(genres)], strict=True))
    assert inside.post(path, given).status_code == 302
    assert [row.genre.name for row in track.genre_rows.all()] == ["Soul", "Gospel"]
    listed = Track.objects.get().genre_rows.filter(artist_key="nina simone")
    assert listed.count() == 2


def test_credits_behind_the_first_change_places(inside: Client, nina: Artist) -> None:
    track, piano = Track.objects.get(), Artist.objects.get(pk=builders.artist("Piano"))
    track.credits.create(artist=piano, position=10_001, credited_as="Piano", role="piano")
    path = f"{ROOT}/track/{track.pk}/change/"
    given = form_of(inside, path) | {"credits-1-position": "10001", "credits-2-position": "1"}
    assert inside.post(path, given).status_code == 302
    rows = [(credit.position, credit.role) for credit in track.credits.all()]
    assert rows == [(0, "main"), (1, "piano"), (10_001, "organ")]


@pytest.mark.parametrize("place", ["", "x", "-1"])
def test_a_row_stands_somewhere(inside: Client, nina: Artist, place: str) -> None:
    path = f"{ROOT}/track/{Track.objects.get().pk}/change/"
    page = inside.post(path, form_of(inside, path) | {"credits-1-position": place})
    assert page.status_code == 200
    assert Track.objects.get().credits.count() == 2


def test_it_is_there_without_the_slash(inside: Client) -> None:
    assert inside.get("/admin", follow=True).redirect_chain == [("/admin/", 302)]


@pytest.mark.parametrize(
    ("kind", "given", "wrong"),
    [
        ("artist", {"source": "radio"}, "source_id"),
        ("album", {"source_id": "7"}, "source"),
        ("artist", {"mbid": "none"}, "mbid"),
        ("artist", {"name": "weldon  IRVINE"}, "name"),
        ("artist", {"name": "a\0b"}, "name"),
        ("album", {"release_date": "1965-02-30"}, "release_date"),
        ("track", {"isrc": "USPO"}, "isrc"),
        ("track", {"duration_ms": "3000000000"}, "duration_ms"),
        ("genre", {"name": "SOUL "}, "name"),
    ],
)
def test_the_rules_are_those_of_the_api(
    inside: Client, nina: Artist, kind: str, given: dict[str, str], wrong: str
) -> None:
    before = generation()
    path = f"{ROOT}/{kind}/{pk_of(kind)}/change/"
    assert [*faults_of(inside.post(path, form_of(inside, path) | given))] == [wrong]
    assert generation() == before


def test_an_id_in_a_collection_is_there_once(inside: Client, nina: Artist) -> None:
    Artist.objects.filter(name="Weldon Irvine").update(source="radio", source_id="7")
    path = f"{ROOT}/artist/{nina.pk}/change/"
    given = form_of(inside, path) | {"source": "radio", "source_id": "7"}
    assert [*faults_of(inside.post(path, given))] == ["source_id"]


def test_a_genre_keeps_what_it_is_on_under_a_new_name(inside: Client, nina: Artist) -> None:
    jazz = Genre.objects.get(name="Jazz")
    path = f"{ROOT}/genre/{jazz.pk}/change/"
    assert inside.post(path, {"name": "Jäzz"}).status_code == 302
    jazz.refresh_from_db()
    assert (jazz.name, jazz.name_key) == ("Jäzz", "jazz")
    assert Album.objects.get().genre_rows.get().genre == jazz


def move(client: Client, album: Album, to: Artist) -> int:
    """An album to another artist; the status."""
    path = f"{ROOT}/album/{album.pk}/change/"
    form = form_of(client, path) | {"artist": str(to.pk), "credits-0-artist": str(to.pk)}
    return client.post(path, form).status_code


RENAMED = ArtistChanges(name="Nina Simone Trio", sort_name="Trio")


@IN_THREADS
def test_an_album_that_moves_to_an_artist_who_is_renamed_has_the_new_name(
    inside: Client, nina: Artist
) -> None:
    album = Album.objects.create(
        title="Spirit Man", artist=Artist.objects.get(name="Weldon Irvine")
    )

    def rename() -> int:
        with changing():
            changes.change_artist(changes.locked(Artist, nina.pk, RENAMED), RENAMED)
        return 302

    assert at_once(lambda: move(inside, album, nina), rename) == [302, 302]
    album.refresh_from_db()
    assert (album.artist, album.artist_key) == (nina, "trio")


if connection.vendor == "postgresql":
    # SQLite has one writer at a time.

    @IN_THREADS
    def test_who_waits_for_an_artist_keeps_nobody_from_the_album(
        inside: Client, nina: Artist
    ) -> None:
        other = Artist.objects.get(name="Weldon Irvine")
        album = Album.objects.create(title="Spirit Man", artist=other)
        with ThreadPoolExecutor(1) as pool:
            with changing():
                held = changes.locked(Artist, nina.pk, RENAMED)
                moving = pool.submit(at_once, lambda: move(inside, album, nina))
                until(somebody_waits)
                Album.objects.select_for_update(nowait=True).get(pk=album.pk)
                changes.change_artist(held, RENAMED)
            assert moving.result() == [302]
        album.refresh_from_db()
        assert album.artist_key == "trio"


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("deadlock"), 503), (ValueError("a fault of ours"), 500)]
)
def test_a_database_that_does_not_answer_is_no_fault_of_ours(
    inside: Client, nina: Artist, error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vivace.catalogue.admin.ArtistAdmin.get_object", Mock(side_effect=error))
    inside.raise_request_exception = False
    reply = inside.get(f"{ROOT}/artist/{nina.pk}/change/")
    assert (reply.status_code, reply.json()["status"]) == (status, status)
    assert reply.headers.get("Retry-After") == ("1" if status == 503 else None)


# --- What goes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"), [("artist", "Pastel Blues"), ("album", "Sinnerman"), ("genre", "Sinnerman")]
)
def test_what_is_still_in_use_does_not_go(
    inside: Client, nina: Artist, kind: str, name: str
) -> None:
    before = generation()
    path = f"{ROOT}/{kind}/{pk_of(kind)}/delete/"
    page = inside.post(path, {"post": "yes"})
    assert page.status_code == 200
    assert name in page.content.decode()
    assert generation() == before
    assert (Artist.objects.count(), Album.objects.count(), Track.objects.count()) == (2, 1, 1)


def test_what_is_in_the_way_of_a_removal_is_named_only_in_part(
    inside: Client, nina: Artist
) -> None:
    builders.plain_tracks(300, by=str(nina.pk), on=str(pk_of("album")))
    path = f"{ROOT}/artist/{nina.pk}/delete/"
    assert inside.get(path).content.count(b"<li>") < 30
    assert len(statements(inside, path)) < 10


@pytest.mark.parametrize("kind", ["track", "artist"])
def test_what_is_not_in_use_goes(inside: Client, nina: Artist, kind: str) -> None:
    pk = int(builders.artist("Nobody")) if kind == "artist" else Track.objects.get().pk
    before = generation()
    assert inside.post(f"{ROOT}/{kind}/{pk}/delete/", {"post": "yes"}).status_code == 302
    assert generation() != before
    assert not ({"track": Track, "artist": Artist}[kind])._default_manager.filter(pk=pk).exists()


def test_what_comes_to_be_in_use_meanwhile_does_not_go(
    inside: Client, nina: Artist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vivace.catalogue.admin.ArtistAdmin.holding", lambda *_: iter(()))
    path = f"{ROOT}/artist/{nina.pk}/delete/"
    assert inside.post(path, {"post": "yes"}).status_code == 302
    assert Artist.objects.filter(pk=nina.pk).exists()
