"""A whole made-up library as import rows, the same for a seed wherever it is made."""

from collections.abc import Iterator, Sequence
from itertools import count, cycle
from random import Random

from vivace.dataset.acts import Act, Taken, draw_act, pick, various_artists
from vivace.dataset.factories import AlbumFactory, ArtistFactory
from vivace.dataset.rows import Row, track_row

COMPILATIONS_FROM = 10
"""Artists, before one of them is the various ones, who have an album in fifty."""

ALBUM_SIZES = (2, 4, 5, 8, 9, 10, 10, 11, 11, 12, 12, 12, 13, 14, 15, 18, 26)
"""How the lengths of albums relate to one another."""

FEATURING = 0.06
"""The share of tracks with a guest."""


def library(
    artists: int, albums_per_artist: int = 2, tracks_per_album: int = 10, seed: int = 1
) -> Iterator[Row]:
    """Rows of all artists, then of each album with its tracks.

    There are `artists * albums_per_artist` albums, and that many times `tracks_per_album`
    tracks. A tenth of the artists have half of them; a third have no album of their own.
    """
    rng = Random(seed)
    acts = draw_acts(rng, artists)
    source_id = (f"{seed}-{number}" for number in count(1))
    for act in acts:
        yield ArtistFactory.build(rng=rng, act=act, source_id=next(source_id))
    albums = apportion(artists * albums_per_artist, popularity(rng, artists))
    sizes = iter(album_sizes(rng, sum(albums), tracks_per_album))
    newcomers = cycle([a for a, n in zip(acts, albums, strict=True) if not n] or acts)
    for act, number_of_albums in zip(acts, albums, strict=True):
        various = act is acts[0] and artists >= COMPILATIONS_FROM
        for _ in range(number_of_albums):
            size = next(sizes)
            album = AlbumFactory.build(rng=rng, act=act, size=size, source_id=next(source_id))
            yield album
            for number in range(1, size + 1):
                # Nine rows of ten are tracks, and `TrackFactory` takes eight times as long.
                yield track_row(
                    rng,
                    next(newcomers) if various else act,
                    album,
                    number=number,
                    size=size,
                    guest=pick(rng, acts) if rng.random() < FEATURING else None,
                    source_id=next(source_id),
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
