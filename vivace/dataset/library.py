"""A whole made-up library as import rows, the same for a seed wherever it is made."""

from collections.abc import Iterator, Sequence
from itertools import count, cycle
from random import Random
from typing import NamedTuple

from vivace.dataset.acts import Act, Taken, draw_act, pick, various_artists
from vivace.dataset.factories import AlbumFactory, ArtistFactory
from vivace.dataset.languages import VARIOUS_ARTISTS
from vivace.dataset.rows import Row, track_row

COMPILATIONS_FROM = 10
"""Artists, before one of them is the various ones, who have an album in fifty."""

ALBUM_SIZES = (2, 4, 5, 8, 9, 10, 10, 11, 11, 12, 12, 12, 13, 14, 15, 18, 26)
"""How the lengths of albums relate to one another."""

FEATURING = 0.06
"""The share of tracks with a guest."""


class Release(NamedTuple):
    act: Act
    size: int
    row: Row


def library(
    artists: int, albums_per_artist: int = 2, tracks_per_album: int = 10, seed: int = 1
) -> Iterator[Row]:
    """Rows of all artists, then of all albums, then of all tracks.

    There are `artists * albums_per_artist` albums, and that many times `tracks_per_album`
    tracks. A tenth of the artists have half of them; some have no album of their own.
    """
    rng = Random(seed)
    ids = (f"{seed}-{number}" for number in count(1))
    acts = draw_acts(rng, artists)
    for act in acts:
        yield ArtistFactory.build(rng=rng, act=act, source_id=next(ids))
    albums = apportion(artists * albums_per_artist, popularity(rng, artists))
    releases = draw_releases(rng, acts, albums, tracks_per_album, ids)
    yield from (release.row for release in releases)
    newcomers = cycle([a for a, n in zip(acts, albums, strict=True) if not n] or acts)
    for release in releases:
        yield from draw_tracks(rng, release, acts, newcomers, ids)


def draw_releases(
    rng: Random,
    acts: Sequence[Act],
    albums: Sequence[int],
    tracks_per_album: int,
    ids: Iterator[str],
) -> Sequence[Release]:
    """As many albums of each act as the numbers say."""
    sizes = iter(album_sizes(rng, sum(albums), tracks_per_album))
    of_acts = (act for act, number in zip(acts, albums, strict=True) for _ in range(number))
    return [
        Release(act, size, AlbumFactory.build(rng=rng, act=act, size=size, source_id=next(ids)))
        for act, size in zip(of_acts, sizes, strict=True)
    ]


def draw_tracks(
    rng: Random,
    release: Release,
    acts: Sequence[Act],
    newcomers: Iterator[Act],
    ids: Iterator[str],
) -> Iterator[Row]:
    """The tracks of an album: by its artist, or on a compilation by newcomers in turn."""
    various = release.act.name == VARIOUS_ARTISTS
    for number in range(1, release.size + 1):
        # Nine rows of ten are tracks, and Factory Boy would take ten times as long.
        yield track_row(
            rng,
            next(newcomers) if various else release.act,
            release.row,
            number=number,
            size=release.size,
            guest=pick(rng, acts) if rng.random() < FEATURING else None,
            source_id=next(ids),
        )


def draw_acts(rng: Random, artists: int) -> Sequence[Act]:
    taken = Taken()
    acts = [draw_act(rng, taken) for _ in range(artists)]
    if artists >= COMPILATIONS_FROM:
        acts[0] = various_artists(taken)
    return acts


def popularity(rng: Random, artists: int) -> Sequence[int]:
    """A weight for each artist: that of the one at rank r is 1/(r + 1 % of them).

    Whole numbers, so that rounding is the same on every machine.
    """
    head = 1 + artists // 100
    weights = [10**12 // (rank + head) for rank in range(artists)]
    rng.shuffle(weights)
    if artists >= COMPILATIONS_FROM:
        weights[0] = sum(weights) // 50
    return weights


def album_sizes(rng: Random, albums: int, tracks_per_album: int) -> Sequence[int]:
    """How many tracks each album has: one at least, and in all as many as there should be."""
    least = min(1, tracks_per_album)
    weights = [pick(rng, ALBUM_SIZES) for _ in range(albums)]
    return [least + more for more in apportion(albums * (tracks_per_album - least), weights)]


def apportion(total: int, weights: Sequence[int]) -> Sequence[int]:
    """Shares by weight that add up to the total."""
    whole, passed, given, shares = sum(weights), 0, 0, []
    for weight in weights:
        passed += weight
        shares.append(total * passed // whole - given)
        given += shares[-1]
    return shares
