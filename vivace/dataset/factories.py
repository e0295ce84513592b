# Factory Boy has types for its factories, not for its declarations.
# mypy: disable-error-code="no-untyped-call"
"""Factories of import rows: `TrackFactory.build(title="Jóga")` fixes a column and draws the rest.

`rng` makes a row the same again. What a row is drawn from, an act or an album, can be given too.
"""

from random import Random

from factory.base import Factory
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, SubFactory

from vivace.dataset.acts import draw_act
from vivace.dataset.rows import Row, album_row, artist_row, track_row

USUAL_SIZE = 10


class RowFactory(Factory[Row]):
    class Meta:
        abstract = True

    rng = LazyFunction(Random)
    act = LazyAttribute(lambda row: draw_act(row.rng))


class ArtistFactory(RowFactory):
    class Meta:
        model = artist_row


class AlbumFactory(RowFactory):
    class Meta:
        model = album_row

    size = USUAL_SIZE


class TrackFactory(RowFactory):
    class Meta:
        model = track_row

    size = USUAL_SIZE
    number = 1
    on = SubFactory(
        AlbumFactory,
        rng=SelfAttribute("..rng"),
        act=SelfAttribute("..act"),
        size=SelfAttribute("..size"),
    )
