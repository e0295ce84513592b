"""Optimisations of how a page of tracks comes by what is in other tables."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from vivace.catalogue import lists
from vivace.catalogue.listings import TRACKS
from vivace.catalogue.lists import Listing, Order, Page, Row
from vivace.catalogue.models import Track, TrackCredit, TrackGenre
from vivace.catalogue.statements import Statement, among, many
from vivace.lab.ablation.trials import PAGE, Client, Off, Trial, read_page, replacing

OF_RELATIONS = ("artist_name", "album_title", "album_year", "genres", "credits")
OF_MANY = ("genres", "credits")
IDS = ("id", "artist_id", "album_id")


def without_columns(names: Iterable[str]) -> Listing:
    kept = {name: column for name, column in TRACKS.columns.items() if name not in names}
    return replace(TRACKS, columns=kept)


def completed(names: Iterable[str], found: Callable[[list[Row]], Iterable[Row]]) -> Off:
    """Pages of tracks are read without some columns; `found` finds those of each of their rows."""
    bare = without_columns(names)
    shown = list(bare.columns)

    def page(listing: Listing, values: Any, order: Order, **how: Any) -> Page:
        rows, end = read_page(bare, values, order, **how)
        whole = []
        for row, more in zip(rows, found(rows), strict=True):
            known = dict(zip(shown, row, strict=True)) | dict(zip(names, more, strict=True))
            whole.append(tuple(known[name] for name in TRACKS.columns))
        return Page(whole, end)

    return replacing(lists, page=page)


def joined(client: Client) -> Trial:
    own = list(without_columns(OF_RELATIONS).columns)

    def loaded(rows: list[Row]) -> Iterator[Row]:
        """As the ORM loads relations that nobody told it to join or to prefetch."""
        for row in rows:
            track = Track(**{name: int(row[own.index(name)]) for name in IDS})
            genres = [each.genre.name for each in track.genre_rows.all()]
            credited = [credit(each) for each in track.credits.all()]
            album = track.album
            yield (
                track.artist.name, album.title, album.release_year,
                msgspec.json.encode(genres), msgspec.json.encode(credited),
            )  # fmt: skip

    return Trial(client.get("tracks", PAGE), completed(OF_RELATIONS, loaded))


def credit(each: TrackCredit) -> dict[str, str]:
    artist = each.artist
    return {
        "id": str(artist.pk),
        "name": artist.name,
        "credited_as": each.credited_as,
        "role": each.role,
    }


def one_statement(client: Client) -> Trial:
    genres = of_tracks(TrackGenre.objects.values_list("track_id", "genre__name"))
    credit_rows = TrackCredit.objects.values_list(
        "track_id", "artist_id", "artist__name", "credited_as", "role"
    )
    credited = of_tracks(credit_rows)

    def looked_up(rows: list[Row]) -> Iterator[Row]:
        """In one statement for the genres and one for the credits of all rows."""
        ids = [int(row[0]) for row in rows]
        names, credits_ = defaultdict(list), defaultdict(list)
        for id_, name in genres.run({"tracks": many(ids)}):
            names[id_].append(name)
        for id_, artist_id, name, as_, role in credited.run({"tracks": many(ids)}):
            found = {"id": str(artist_id), "name": name, "credited_as": as_, "role": role}
            credits_[id_].append(found)
        for id_ in ids:
            yield msgspec.json.encode(names[id_]), msgspec.json.encode(credits_[id_])

    return Trial(client.get("tracks", PAGE), completed(OF_MANY, looked_up))


def of_tracks(rows: Any) -> Statement:
    return Statement.of(rows.filter(among("track_id", "tracks")).order_by("track_id", "position"))
