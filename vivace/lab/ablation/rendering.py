"""Optimisations from the statement to the bytes: compiling, rows, JSON, the collector."""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import msgspec
from django.db import connection

from vivace.api import catalogue as views
from vivace.api import conditional, schemas
from vivace.api.stored import StoredAnswers
from vivace.catalogue import caching, lists
from vivace.catalogue.fields import timestamp
from vivace.catalogue.lists import Page, Place, Row
from vivace.catalogue.models import Track
from vivace.lab.ablation.relations import credit
from vivace.lab.ablation.trials import (
    ALL_ARTISTS,
    COMPILED,
    PAGE,
    Client,
    Trial,
    first,
    read_page,
    replacing,
    together,
)
from vivace.lab.profiling.calling import Request


def compiled_once(client: Client) -> Trial:
    return compiled_anew(client.get("tracks", PAGE))


def compiled_once_for_one(client: Client) -> Trial:
    last = first(Track.objects.order_by("-pk").values_list("pk", flat=True), "track")
    return compiled_anew(client.get(f"tracks/{last}"))


def compiled_anew(request: Request) -> Trial:
    anew = {name: getattr(lists, name).__wrapped__ for name in COMPILED}
    return Trial(request, replacing(lists, **anew))


def rows_without_models(client: Client) -> Trial:
    rows = (
        Track.objects.select_related("artist", "album")
        .prefetch_related("genre_rows__genre", "credits__artist")
        .order_by("created_at", "pk")
    )

    def instances(listing: Any, values: Any, order: Any, *, limit: int, **_: Any) -> Page:
        found: list[Any] = list(rows[: limit + 1])
        last = found[limit - 1] if len(found) > limit else None
        beside = {row.created_at for row in found[-3:]}
        tied = connection.vendor == "sqlite" and len(beside) < len(found[-3:])
        end = Place(last.created_at, last.pk, tied=tied) if last else None
        return Page(found[:limit], end)

    off = together(replacing(lists, page=instances), replacing(views, track=track_as_dict))
    return Trial(client.get("tracks", PAGE), off)


def track_as_dict(track: Track) -> dict[str, Any]:
    album, artist = track.album, track.artist
    return {
        "id": str(track.pk),
        "title": track.title,
        "disc_number": track.disc_number,
        "track_number": track.track_number,
        "duration_ms": track.duration_ms,
        "composer": track.composer,
        "artist": {"id": str(artist.pk), "name": artist.name},
        "album": {
            "id": str(album.pk),
            "title": album.title,
            "release_year": album.release_year,
        },
        "genres": [row.genre.name for row in track.genre_rows.all()],
        "credits": [credit(each) for each in track.credits.all()],
        "created_at": track.created_at,
        "updated_at": track.updated_at,
    }


def structs_to_json(client: Client) -> Trial:
    fields = schemas.Artist.__struct_fields__

    class Encoder:
        def encode(self, content: Any) -> bytes:
            told = {"items": content.items, "next": content.next}
            return json.dumps(told, default=timestamp, ensure_ascii=False).encode()

    def as_dict(row: Row) -> dict[str, Any]:
        return dict(zip(fields, row, strict=True))

    off = together(replacing(views, artist=as_dict), replacing(conditional, encoder=Encoder()))
    return Trial(client.get("artists", ALL_ARTISTS), off)


def moments_as_on_the_wire(client: Client) -> Trial:
    """Of SQLite: they are read as texts, which Django would turn into moments."""
    convert: Any = connection.ops.convert_datetimefield_value  # type: ignore[attr-defined]

    def converted(listing: Any, values: Any, order: Any, **how: Any) -> Page:
        rows, end = read_page(listing, values, order, **how)
        moments = [[convert(moment, None, connection) for moment in row[-2:]] for row in rows]
        return Page([(*row[:-2], *two) for row, two in zip(rows, moments, strict=True)], end)

    return Trial(client.get("artists", ALL_ARTISTS), replacing(lists, page=converted))


def sha256_etags(client: Client) -> Trial:
    return Trial(client.get("artists", ALL_ARTISTS), replacing(conditional, sha256=blake2b))


def kept_answers(client: Client) -> Trial:
    answers: Any = StoredAnswers(client.handler)

    def forgotten(*_: Any, **_how: Any) -> None:
        pass

    # In this process alone: what another one shares is another matter.
    answers.shared = None
    off = replacing(answers, found=forgotten, keep=forgotten)
    return Trial(client.get("tracks", PAGE), off, through=answers)


def leased_generation(client: Client) -> Trial:
    answers = StoredAnswers(client.handler)

    def asked() -> int | None:
        """The lease stays as it is, for the request that is next with it."""
        return caching.asked(caching.here.connection)

    return Trial(client.get("tracks", PAGE), replacing(caching, current=asked), through=answers)


# --- The collector ----------------------------------------------------------------------------


def frozen(client: Client) -> Trial:
    @contextmanager
    def off() -> Iterator[None]:
        gc.unfreeze()
        try:
            yield
        finally:
            gc.collect()
            gc.freeze()

    return Trial(client.get("artists", ALL_ARTISTS), off)


def uncollected(client: Client) -> Trial:
    fields = [(field.name, field.type) for field in msgspec.structs.fields(schemas.Artist)]
    collected: Any = msgspec.defstruct("Artist", fields)

    def artist(row: Row) -> Any:
        return collected(*row)

    return Trial(client.get("artists", ALL_ARTISTS), replacing(views, artist=artist))
