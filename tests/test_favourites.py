"""What an account likes, said once or more often."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from tests.sites import until
from tests.threads import at_once, somebody_waits
from vivace.accounts.models import User
from vivace.catalogue import changes
from vivace.catalogue.entries import AlbumChanges, ArtistChanges, TrackChanges
from vivace.catalogue.models import Album, Artist, Track
from vivace.listening import favourites
from vivace.listening.models import Favourite
from vivace.problems import NotFound

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)
PROMPT_SECONDS = 10


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.org")


@pytest.fixture
def things() -> dict[str, int]:
    """The id of one thing of each kind, no two the same."""
    *_, artist = [Artist.objects.create(name=name) for name in ("Nina", "Björk", "Molotov")]
    *_, album = [Album.objects.create(title=title, artist=artist) for title in ("Debut", "Post")]
    track = Track.objects.create(title="Hyperballad", artist=artist, album=album)
    return {"artists": artist.pk, "albums": album.pk, "tracks": track.pk}


@pytest.mark.parametrize("kind", favourites.KINDS)
def test_it_is_kept_once_however_often_it_is_said(
    alice: User, things: dict[str, int], kind: str
) -> None:
    favourites.add(alice.pk, kind, things[kind])
    first = Favourite.objects.get()
    favourites.add(alice.pk, kind, things[kind])
    assert Favourite.objects.get().created_at == first.created_at
    favourites.remove(alice.pk, kind, things[kind])
    favourites.remove(alice.pk, kind, things[kind])
    assert not Favourite.objects.exists()


def test_kinds_and_accounts_are_apart(alice: User, things: dict[str, int]) -> None:
    bob = User.objects.create_user("bob", "bob@example.org")
    for kind, thing_id in things.items():
        favourites.add(alice.pk, kind, thing_id)
    favourites.add(bob.pk, "albums", things["albums"])
    favourites.remove(alice.pk, "albums", things["albums"])
    assert [str(favourite) for favourite in alice.favourites.order_by("id")] == [
        "Molotov",
        "Hyperballad",
    ]
    assert [str(favourite) for favourite in bob.favourites.all()] == ["Post"]


@pytest.mark.parametrize("kind", favourites.KINDS)
def test_what_is_not_there_cannot_be_liked(alice: User, things: dict[str, int], kind: str) -> None:
    with pytest.raises(NotFound):
        favourites.add(alice.pk, kind, things[kind] + 100)
    favourites.remove(alice.pk, kind, things[kind] + 100)


def test_it_goes_with_the_thing_and_with_the_account(alice: User, things: dict[str, int]) -> None:
    for kind, thing_id in things.items():
        favourites.add(alice.pk, kind, thing_id)
    Track.objects.all().delete()
    assert Favourite.objects.count() == 2
    alice.delete()
    assert not Favourite.objects.exists()


def test_the_database_refuses_two_things_in_one(alice: User, things: dict[str, int]) -> None:
    with pytest.raises(IntegrityError):
        Favourite.objects.create(
            account=alice, artist_id=things["artists"], album_id=things["albums"]
        )


@IN_THREADS
def test_it_is_kept_once_when_it_is_said_at_once(alice: User, things: dict[str, int]) -> None:
    results = at_once(*[lambda: favourites.add(alice.pk, "tracks", things["tracks"])] * 8)
    assert results == [None] * 8
    assert Favourite.objects.count() == 1


@transaction.atomic
def leave(kind: str, thing_id: int) -> None:
    """The library, with all that is of it."""
    if kind == "artists":
        changes.remove_artist(changes.locked(Artist, thing_id), cascade=True)
    elif kind == "albums":
        changes.remove_album(changes.locked(Album, thing_id), cascade=True)
    else:
        changes.locked(Track, thing_id).delete()


def change(kind: str, thing_id: int) -> None:
    if kind == "artists":
        sorted_by = ArtistChanges(sort_name="Quebradas, Los")
        changes.change_artist(changes.locked(Artist, thing_id, sorted_by), sorted_by)
    elif kind == "albums":
        titled = AlbumChanges(title="Telegram")
        changes.change_album(changes.locked(Album, thing_id, titled), titled)
    else:
        called = TrackChanges(title="Isobel")
        changes.change_track(changes.locked(Track, thing_id, called), called)


@IN_THREADS
@pytest.mark.parametrize("kind", favourites.KINDS)
def test_what_is_deleted_at_once_is_nobodys_favourite_afterwards(
    alice: User, things: dict[str, int], kind: str
) -> None:
    liked, left = at_once(
        lambda: favourites.add(alice.pk, kind, things[kind]), lambda: leave(kind, things[kind])
    )
    assert liked is None or isinstance(liked, NotFound)
    assert left is None
    assert not Favourite.objects.exists()


if connection.vendor == "postgresql":
    # SQLite has one writer at a time.

    @IN_THREADS
    @pytest.mark.parametrize("kind", favourites.KINDS)
    def test_a_thing_is_liked_while_somebody_changes_it(
        alice: User, things: dict[str, int], kind: str
    ) -> None:
        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            change(kind, things[kind])
            liking = pool.submit(at_once, lambda: favourites.add(alice.pk, kind, things[kind]))
            assert liking.result(PROMPT_SECONDS) == [None]
        assert Favourite.objects.count() == 1

    @IN_THREADS
    @pytest.mark.parametrize("kind", favourites.KINDS)
    def test_who_waits_for_a_thing_keeps_nobody_from_the_account(
        alice: User, things: dict[str, int], kind: str
    ) -> None:
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                leave(kind, things[kind])
                liking = pool.submit(at_once, lambda: favourites.add(alice.pk, kind, things[kind]))
                until(somebody_waits)
                User.objects.select_for_update(nowait=True).get(pk=alice.pk)
            (liked,) = liking.result()
        assert isinstance(liked, NotFound)
        assert not Favourite.objects.exists()
