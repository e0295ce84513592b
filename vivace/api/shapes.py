"""From rows to shapes: what a list's columns become on the wire."""

from dataclasses import replace
from typing import Any

import msgspec
from django.db.models import F

from vivace.api import schemas
from vivace.catalogue.listings import TRACKS
from vivace.catalogue.lists import Row

TRACK = replace(TRACKS, columns={**TRACKS.columns, "mbid": F("mbid"), "isrc": F("isrc")})
"""A track by itself shows what lists leave out."""

Raw: Any = msgspec.Raw
"""JSON that rows carry goes out as it is; the shapes say what it holds."""


def artist(row: Row) -> schemas.Artist:
    return schemas.Artist(*row)


def album(row: Row) -> schemas.Album:
    (
        id_, title, type_, date, year, mbid,
        artist_id, artist_name, genres, credited, created, updated,
    ) = row  # fmt: skip
    return schemas.Album(
        id_, title, type_, date, year, mbid,
        schemas.ArtistRef(artist_id, artist_name),
        Raw(genres), Raw(credited), created, updated,
    )  # fmt: skip


def track(row: Row, model: type[schemas.Track] = schemas.Track) -> schemas.Track:
    (
        id_, title, disc, number_, duration, composer,
        artist_id, artist_name, album_id, album_title, album_year,
        genres, credited, created, updated, *rest,
    ) = row  # fmt: skip
    return model(
        id_, title, disc, number_, duration, composer,
        schemas.ArtistRef(artist_id, artist_name),
        schemas.AlbumRef(album_id, album_title, album_year),
        Raw(genres), Raw(credited), created, updated, *rest,
    )  # fmt: skip


def track_detail(row: Row) -> schemas.Track:
    return track(row, schemas.TrackDetail)


def genre(row: Row) -> schemas.Genre:
    return schemas.Genre(*row)


def playlist(row: Row) -> schemas.Playlist:
    id_, name, description, public, owner_id, username, *rest = row
    owner = schemas.Owner(owner_id, username)
    return schemas.Playlist(id_, name, description, bool(public), owner, *rest)
