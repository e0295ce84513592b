"""Optimisations of how a page of tracks comes by what is in other tables."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.db.models.sql.compiler import SQLCompiler

from vivace.catalogue import lists
from vivace.catalogue.listings import TRACKS, text_id
from vivace.catalogue.lists import Listing, Order, Page, Row
from vivace.catalogue.models import Track, TrackCredit, TrackGenre
from vivace.lab.ablation.trials import PAGE, Client, Off, Trial, read_page, replacing

OF_RELATIONS = ("artist_name", "album_title", "album_year", "genres", "credits")
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


def carried_lists(client: Client) -> Trial:
    gathered = {"genres": genre_rows(), "credits": credit_rows()}
    listing = replace(TRACKS, columns={**TRACKS.columns, **gathered})

    def page(_: Listing, values: Any, order: Order, **how: Any) -> Page:
        return read_page(listing, values, order, **how)

    return Trial(client.get("tracks", PAGE), replacing(lists, page=page))


def genre_rows() -> "JsonArray":
    named = TrackGenre.objects.filter(track=OuterRef("id")).order_by("position")
    return JsonArray(named.values(value=F("genre__name")))


def credit_rows() -> "JsonArray":
    shown = JSONObject(
        id=text_id("artist_id"), name="artist__name", credited_as="credited_as", role="role"
    )
    credited = TrackCredit.objects.filter(track=OuterRef("id")).order_by("position")
    return JsonArray(credited.values(value=shown), of_objects=True)


class JsonArray(Subquery):
    """The column `value` of the subquery's rows, in their order, as a JSON array in text."""

    def __init__(self, rows: QuerySet[Any, Any], *, of_objects: bool = False) -> None:
        super().__init__(rows)
        self.value = "json(value)" if of_objects else "value"

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> Any:
        template = f"(SELECT json_group_array({self.value}) FROM (%(subquery)s))"
        return self.as_sql(compiler, connection, template=template)

    def as_postgresql(self, compiler: SQLCompiler, connection: Any) -> Any:
        template = "array_to_json(ARRAY(%(subquery)s))::text"
        return self.as_sql(compiler, connection, template=template)
