"""What one does with a playlist, whatever else happens to it at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.sites import until
from tests.threads import at_once, somebody_waits
from vivace.accounts.models import User
from vivace.catalogue import changes
from vivace.catalogue.entries import TrackChanges
from vivace.catalogue.models import Album, Artist, Track
from vivace.listening import playlists
from vivace.listening.models import Playlist, PlaylistItem
from vivace.listening.playlists import Own
from vivace.problems import Conflict, Forbidden, NotFound

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)
PROMPT_SECONDS = 10


def user(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.org")


def tracks(*titles: str) -> list[int]:
    """The ids of new tracks."""
    artist = Artist.objects.create(name="Björk", disambiguation=str(Artist.objects.count()))
    album = Album.objects.create(title="Debut", artist=artist)
    return [Track.objects.create(title=title, artist=artist, album=album).pk for title in titles]


def playlist_of(track_ids: Sequence[int]) -> Playlist:
    playlist = Playlist.objects.create(owner=user("alice"), name="Évening")
    playlists.add(own(playlist), track_ids)
    return playlist


@IN_THREADS
def test_a_column_that_an_upgrade_adds_is_in_nobodys_way() -> None:
    playlist = playlist_of([])

    def looked_up() -> None:
        playlists.check_readable(playlist.owner_id, playlist.pk)
        assert User.objects.named(playlist.owner.username) == playlist.owner

    for _ in range(20):  # until PostgreSQL has them prepared
        looked_up()
    altered("ADD COLUMN later integer")
    try:
        looked_up()
    finally:
        altered("DROP COLUMN later")


def altered(how: str) -> None:
    """Both tables, by somebody else."""

    def alter() -> None:
        with connection.cursor() as cursor:
            for model in (Playlist, User):
                cursor.execute(f"ALTER TABLE {model._meta.db_table} {how}")

    assert at_once(alter) == [None]


def own(playlist: Playlist) -> Own:
    return Own(playlist.owner_id, playlist.pk)


def track_ids_of(playlist: Playlist) -> list[int]:
    return list(playlist.items.values_list("track_id", flat=True))


def item_at(playlist: Playlist, index: int) -> PlaylistItem:
    return playlist.items.all()[index]


def move(item: PlaylistItem, index: int) -> None:
    playlists.move(own(item.playlist), item.pk, index)


def remove(item: PlaylistItem) -> None:
    playlists.remove(own(item.playlist), item.pk)


def test_a_name_is_found_by_its_folded_key() -> None:
    assert Playlist.objects.create(owner=user("alice"), name=" Évening ").name_key == "evening"


def test_tracks_are_added_at_the_end_in_the_order_given() -> None:
    one, two, three = tracks("One", "Two", "Three")
    playlist = playlist_of([two, one])
    ids = playlists.add(own(playlist), [three, two])
    assert track_ids_of(playlist) == [two, one, three, two]
    assert list(playlist.items.values_list("id", flat=True))[2:] == list(ids)


@pytest.mark.parametrize(
    ("index", "expected"), [(0, "cdabb"), (1, "acdbb"), (2, "abcdb"), (3, "abbcd")]
)
def test_tracks_are_added_before_the_item_at_an_index(index: int, expected: str) -> None:
    ids = dict(zip("abcd", tracks(*"abcd"), strict=True))
    playlist = playlist_of([ids[letter] for letter in "abb"])
    playlists.add(own(playlist), [ids["c"], ids["d"]], index)
    assert track_ids_of(playlist) == [ids[letter] for letter in expected]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, "bcda"), (3, 0, "dabc"), (1, 2, "acbd"), (2, 1, "acbd"), (2, 2, "abcd")],
)
def test_an_item_moves_to_an_index(start: int, end: int, expected: str) -> None:
    ids = dict(zip("abcd", tracks(*"abcd"), strict=True))
    playlist = playlist_of(list(ids.values()))
    item = item_at(playlist, start)
    move(item, end)
    assert track_ids_of(playlist) == [ids[letter] for letter in expected]
    item.refresh_from_db()
    assert playlists.positions(playlist.pk).index(item.position) == end


def test_removing_one_of_two_equal_tracks_leaves_the_other() -> None:
    one, two = tracks("One", "Two")
    playlist = playlist_of([one, two, one])
    remove(item_at(playlist, 0))
    assert track_ids_of(playlist) == [two, one]


def test_replacing_leaves_nothing_of_what_was_there() -> None:
    one, two = tracks("One", "Two")
    playlist = playlist_of([one, one, one])
    playlists.replace(own(playlist), [two, one])
    assert track_ids_of(playlist) == [two, one]
    playlists.replace(own(playlist), [])
    assert track_ids_of(playlist) == []


def test_indexes_close_up_over_a_track_that_left_the_library() -> None:
    one, two, three = tracks("One", "Two", "Three")
    playlist = playlist_of([one, two, one, three, one])
    Track.objects.filter(pk=one).delete()
    move(item_at(playlist, 0), 1)
    playlists.add(own(playlist), [two], 1)
    assert track_ids_of(playlist) == [three, two, two]


@pytest.mark.parametrize(
    "change",
    [
        lambda playlist: playlists.add(own(playlist), track_ids_of(playlist)),
        lambda playlist: playlists.replace(own(playlist), track_ids_of(playlist)),
        lambda playlist: move(item_at(playlist, 0), 1),
        lambda playlist: remove(item_at(playlist, 0)),
    ],
    ids=["add", "replace", "move", "remove"],
)
def test_every_change_moves_the_time_of_the_playlist(
    change: Callable[[Playlist], object],
) -> None:
    playlist = playlist_of(tracks("One", "Two"))
    before = Playlist.objects.get().updated_at
    change(playlist)
    assert Playlist.objects.get().updated_at > before


def test_unknown_tracks_are_all_named_and_nothing_is_added() -> None:
    one, two = tracks("One", "Two")
    playlist = playlist_of([one])
    with pytest.raises(Conflict) as caught:
        playlists.add(own(playlist), [one, two + 7, one, two + 8])
    assert [fault.pointer for fault in caught.value.errors] == ["/track_ids/1", "/track_ids/3"]
    with pytest.raises(Conflict):
        playlists.replace(own(playlist), [two + 7])
    assert track_ids_of(playlist) == [one]


@pytest.mark.parametrize("index", [-1, 3, 2**40])
def test_an_index_beyond_the_end_is_refused(index: int) -> None:
    one, two = tracks("One", "Two")
    playlist = playlist_of([one, two])
    with pytest.raises(Conflict) as caught:
        playlists.add(own(playlist), [one], index)
    assert [fault.pointer for fault in caught.value.errors] == ["/position"]
    with pytest.raises(Conflict):
        move(item_at(playlist, 0), index if index != 3 else 2)


def test_a_playlist_holds_so_many_items_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlists, "MAX_ITEMS", 3)
    one, two = tracks("One", "Two")
    playlist = playlist_of([one, two])
    with pytest.raises(Conflict) as caught:
        playlists.add(own(playlist), [one, one])
    assert [fault.pointer for fault in caught.value.errors] == ["/track_ids"]
    with pytest.raises(Conflict):
        playlists.replace(own(playlist), [one] * 4)
    playlists.add(own(playlist), [one])
    assert track_ids_of(playlist) == [one, two, one]


def test_what_is_gone_cannot_be_changed() -> None:
    (one,) = tracks("One")
    playlist = playlist_of([one])
    item = item_at(playlist, 0)
    remove(item_at(playlist, 0))
    with pytest.raises(NotFound):
        remove(item)
    with pytest.raises(NotFound):
        move(item, 0)
    Playlist.objects.filter(pk=playlist.pk).delete()
    with pytest.raises(NotFound):
        playlists.add(own(playlist), [one])


def test_who_may_read_and_who_may_change() -> None:
    alice, bob = user("alice"), user("bob")
    private = Playlist.objects.create(owner=alice, name="Private")
    public = Playlist.objects.create(owner=alice, name="Public", public=True)
    playlists.check_readable(alice.pk, private.pk)
    playlists.check_readable(bob.pk, public.pk)
    playlists.check_readable(None, public.pk)
    playlists.change(own(private), description="Mine")
    with pytest.raises(Forbidden):
        playlists.delete(Own(bob.pk, public.pk))
    with pytest.raises(NotFound) as hidden:
        playlists.delete(Own(bob.pk, private.pk))
    with pytest.raises(NotFound) as missing:
        playlists.delete(Own(bob.pk, public.pk + 1))
    assert hidden.value.detail == missing.value.detail
    for account_id in (None, bob.pk):
        with pytest.raises(NotFound):
            playlists.check_readable(account_id, private.pk)


def test_the_number_of_queries_does_not_grow_with_the_size() -> None:
    some = tracks(*(f"Track {number}" for number in range(30)))
    playlist = playlist_of(some)

    def queries(change: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            change()
        return len(captured)

    # Savepoint and its release, the lock, how many items, the rows, the playlist's time.
    assert queries(lambda: playlists.add(own(playlist), some)) == 6
    # Before others, too: where they go, the shift and its way back; tracks are held on PostgreSQL.
    more = 4 if connection.vendor == "postgresql" else 3
    assert queries(lambda: playlists.add(own(playlist), some[:1], 0)) == 6 + more
    assert queries(lambda: playlists.add(own(playlist), some * 10, 0)) == 6 + more
    # Savepoint and its release, the lock, the item, how many, where to, there and back, the time.
    assert queries(lambda: move(item_at(playlist, 300), 0)) - 1 == 9


class Listening(RuleBasedStateMachine):
    """A playlist beside a plain list of its track ids, doing the same."""

    def __init__(self) -> None:
        super().__init__()
        self.track_ids = tracks(*"abcdef")
        owner, _ = User.objects.get_or_create(username="alice", email="alice@example.org")
        self.playlist = Playlist.objects.create(owner=owner, name="Évening")
        self.model: list[int] = []

    def some(self, data: st.DataObject) -> list[int]:
        return data.draw(st.lists(st.sampled_from(self.track_ids), max_size=4))

    def an_index(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.model) - 1))

    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        added = self.some(data)
        index = data.draw(st.none() | st.integers(0, len(self.model)))
        playlists.add(own(self.playlist), added, index)
        index = len(self.model) if index is None else index
        self.model[index:index] = added

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        start, end = self.an_index(data), self.an_index(data)
        move(item_at(self.playlist, start), end)
        self.model.insert(end, self.model.pop(start))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        index = self.an_index(data)
        remove(item_at(self.playlist, index))
        del self.model[index]

    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        self.model = self.some(data)
        playlists.replace(own(self.playlist), self.model)

    @precondition(lambda self: len(self.track_ids) > 2)
    @rule()
    def lose_a_track(self) -> None:
        gone = self.track_ids.pop()
        Track.objects.filter(pk=gone).delete()
        self.model = [track_id for track_id in self.model if track_id != gone]

    @invariant()
    def they_agree(self) -> None:
        assert track_ids_of(self.playlist) == self.model
        assert all(item.position >= 0 for item in self.playlist.items.all())


def test_any_sequence_of_changes_is_that_of_a_list() -> None:
    with transaction.atomic():
        run_state_machine_as_test(
            Listening,
            settings=settings(
                max_examples=25,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


@IN_THREADS
def test_additions_at_once_all_arrive_each_in_one_piece() -> None:
    ids = tracks(*"abcdefgh")
    playlist = playlist_of(ids[:2])
    pairs = [ids[number : number + 2] for number in range(0, 8, 2)] * 2
    at_once(*(lambda pair=pair: playlists.add(own(playlist), pair, 1) for pair in pairs))
    found = track_ids_of(playlist)
    assert (found[0], found[-1]) == (ids[0], ids[1])
    inserted = found[1:-1]
    assert sorted(inserted[n : n + 2] for n in range(0, 16, 2)) == sorted(pairs)


@IN_THREADS
def test_additions_at_once_do_not_pass_the_size_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlists, "MAX_ITEMS", 5)
    (one,) = tracks("One")
    playlist = playlist_of([one])
    results = at_once(*[lambda: playlists.add(own(playlist), [one, one])] * 6)
    assert [type(result) for result in results].count(Conflict) == 4
    assert len(track_ids_of(playlist)) == 5


@IN_THREADS
def test_moves_and_removals_at_once_lose_nothing() -> None:
    ids = tracks(*"abcdef")
    playlist = playlist_of(ids)
    items = list(playlist.items.all())
    moves = [lambda item=item: move(item, 0) for item in items[2:]]
    removals = [lambda item=item: remove(item) for item in items[:2]]
    assert at_once(*moves, *removals) == [None] * 6
    assert sorted(track_ids_of(playlist)) == ids[2:]


@IN_THREADS
def test_an_item_is_removed_by_one_of_two_at_once() -> None:
    one, two = tracks("One", "Two")
    playlist = playlist_of([one, two])
    item = item_at(playlist, 0)
    results = at_once(*[lambda: remove(item)] * 2)
    assert {type(result) for result in results} == {type(None), NotFound}
    assert track_ids_of(playlist) == [two]


@IN_THREADS
def test_replacements_at_once_leave_one_of_them() -> None:
    ids = tracks(*"abcd")
    playlist = playlist_of(ids)
    wanted = [ids[:3], ids[1:], ids[::-1]]
    at_once(*(lambda new=new: playlists.replace(own(playlist), new) for new in wanted))
    assert track_ids_of(playlist) in wanted


@transaction.atomic
def delete_track(track_id: int) -> None:
    changes.locked(Track, track_id).delete()


@IN_THREADS
def test_a_track_that_is_deleted_at_once_is_in_no_playlist_afterwards() -> None:
    (one,) = tracks("One")
    playlist = Playlist.objects.create(owner=user("alice"), name="Évening")
    at_once(lambda: playlists.add(own(playlist), [one]), lambda: delete_track(one))
    assert track_ids_of(playlist) == []


if connection.vendor == "postgresql":
    # SQLite has one writer at a time.

    @IN_THREADS
    @pytest.mark.parametrize("how", ["replace", "add"])
    def test_who_removes_a_track_and_who_moves_its_items_do_not_wait_for_each_other(
        how: str,
    ) -> None:
        one, two = tracks("One", "Two")
        playlist = playlist_of([one, two])
        changes_to = {"replace": ([two, one],), "add": ([one], 0)}
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                held = changes.locked(Track, one)
                changing = pool.submit(
                    at_once, lambda: getattr(playlists, how)(own(playlist), *changes_to[how])
                )
                until(somebody_waits)
                held.delete()
            (result,) = changing.result()
        assert isinstance(result, Conflict)
        assert track_ids_of(playlist) == [two]

    @IN_THREADS
    @pytest.mark.parametrize("how", ["replace", "add"])
    def test_tracks_are_put_on_a_playlist_while_somebody_changes_them(how: str) -> None:
        one, two = tracks("One", "Two")
        playlist = playlist_of([one])
        changes_to = {"replace": ([one, two],), "add": ([two],)}
        asked = TrackChanges(title="Three")
        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            for track in (one, two):
                changes.change_track(changes.locked(Track, track, asked), asked)
            (result,) = pool.submit(
                at_once, lambda: getattr(playlists, how)(own(playlist), *changes_to[how])
            ).result(PROMPT_SECONDS)
        assert not isinstance(result, Exception)
        assert track_ids_of(playlist) == [one, two]
