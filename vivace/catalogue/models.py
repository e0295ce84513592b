"""What the library knows: artists, albums, tracks and genres.

Lists are sorted and filtered without a join: a row carries the keys it is sorted by, its own and
those of its artist and album, and a genre's row carries those of what it is on. Triggers keep
the carried keys right whoever writes (`migrations/0002_carried_keys.py`); code that inserts
fills them in.

Sort orders end with the primary key. Every index below serves a filter or a sort of the API.
"""

from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast, Coalesce, Substr
from django.utils import timezone

from vivace.catalogue import documents
from vivace.catalogue.fields import KeyField, ListField, MomentField
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.search import index_words, worded
from vivace.catalogue.vocabulary import learn

TITLE_LENGTH = 1_000
NAME_LENGTH = 500
DISAMBIGUATION_LENGTH = 150
"""With a folded name of 500 characters it still fits an index entry of PostgreSQL."""

DISC_STRIDE = 1_000_000
"""`Track.position` = disc × stride + number; a track without a number ends its disc."""


def source_is_whole(kind: str) -> models.CheckConstraint:
    """An id says nothing without the collection that gave it, nor a collection without one."""
    both = Q(source__isnull=False, source_id__isnull=False)
    neither = Q(source__isnull=True, source_id__isnull=True)
    return models.CheckConstraint(condition=both | neither, name=f"{kind}_source_is_whole")


class Generation(models.Model):
    """One row, whose value every transaction that changes the catalogue moves on."""

    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class Word(models.Model):
    """A word that something is found by (`vocabulary`). It may stand here twice."""

    word = KeyField()
    backward = KeyField(help_text="From its last letter to its first")

    class Meta:
        indexes = [
            models.Index(fields=["word"], name="word_by_start"),
            models.Index(fields=["backward"], name="word_by_end"),
        ]

    def __str__(self) -> str:
        return str(self.word)


class Entry(models.Model):
    """What artists, albums and tracks have in common."""

    mbid = KeyField(null=True, blank=True, help_text="MusicBrainz id")
    source = KeyField(null=True, blank=True, help_text="The collection it was imported from")
    source_id = KeyField(null=True, blank=True, help_text="Its id in that collection")
    created_at = MomentField(default=timezone.now, editable=False)
    updated_at = MomentField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        added = self._state.adding
        self.fill_keys()
        super().save(*args, **kwargs)
        table = self._meta.db_table
        texts = [getattr(self, column) for column in worded(table)]
        if not added:
            learn(texts)
            return
        index_words(table, [self.pk], texts)
        if self._meta.model_name in documents.KINDS:
            documents.index_new(self._meta.model_name, [self.pk])

    def fill_keys(self) -> None:
        """Set the columns that are derived from the others."""
        raise NotImplementedError


class Genre(models.Model):
    name = models.CharField(max_length=NAME_LENGTH)
    name_key = KeyField(editable=False)
    name_words = KeyField(editable=False)
    created_at = MomentField(default=timezone.now, editable=False)
    updated_at = MomentField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name_key"], name="genre_name_unique")]
        indexes = [
            models.Index(fields=["created_at", "id"], name="genre_by_created"),
            models.Index(fields=["updated_at", "id"], name="genre_by_updated"),
        ]

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = fold(self.name)
        self.name_words = spellings(self.name_key)
        super().save(*args, **kwargs)
        learn([self.name_words])


def artist_words(name_key: str, sort_key: str) -> str:
    """The words that an artist is found by: those of the name, and what the sort name adds."""
    found = spellings(name_key)
    if sort_key == name_key:
        return found
    known = found.split()
    return " ".join([*known, *(word for word in spellings(sort_key).split() if word not in known)])


class Artist(Entry):
    name = models.CharField(max_length=NAME_LENGTH)
    sort_name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    disambiguation = models.CharField(max_length=DISAMBIGUATION_LENGTH, blank=True, default="")
    name_key = KeyField(editable=False)
    name_words = KeyField(editable=False)
    sort_key = KeyField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name_key", "disambiguation"], name="artist_name_unique"
            ),
            models.UniqueConstraint(
                fields=["mbid"], name="artist_mbid_unique", condition=Q(mbid__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["source", "source_id"],
                name="artist_source_unique",
                condition=Q(source_id__isnull=False),
            ),
            source_is_whole("artist"),
        ]
        indexes = [
            models.Index(fields=["sort_key", "id"], name="artist_by_name"),
            models.Index(fields=["created_at", "id"], name="artist_by_created"),
            models.Index(fields=["updated_at", "id"], name="artist_by_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.disambiguation})" if self.disambiguation else self.name

    def fill_keys(self) -> None:
        self.name_key = fold(self.name)
        self.sort_key = fold(self.sort_name or self.name)
        self.name_words = artist_words(self.name_key, self.sort_key)


class Album(Entry):
    class Type(models.TextChoices):
        ALBUM = "album"
        EP = "ep"
        SINGLE = "single"
        COMPILATION = "compilation"
        LIVE = "live"
        SOUNDTRACK = "soundtrack"
        REMIX = "remix"
        BROADCAST = "broadcast"
        OTHER = "other"

    title = models.CharField(max_length=TITLE_LENGTH)
    artist = models.ForeignKey(
        Artist, on_delete=models.RESTRICT, related_name="albums", db_index=False
    )
    release_date = KeyField(
        null=True, blank=True, help_text="As precise as known: 1973, 1973-03 or 1973-03-01"
    )
    release_year = models.GeneratedField(
        expression=Cast(Substr("release_date", 1, 4), models.IntegerField()),
        output_field=models.IntegerField(null=True),
        db_persist=True,
    )
    type = models.CharField(max_length=20, choices=Type, null=True, blank=True)
    title_key = KeyField(editable=False)
    title_words = KeyField(editable=False)
    artist_key = KeyField(editable=False)
    genre_list = ListField()
    credit_list = ListField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mbid"], name="album_mbid_unique", condition=Q(mbid__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["source", "source_id"],
                name="album_source_unique",
                condition=Q(source_id__isnull=False),
            ),
            source_is_whole("album"),
        ]
        indexes = [
            models.Index(fields=["title_key", "id"], name="album_by_title"),
            models.Index(fields=["artist_key", "id"], name="album_by_artist"),
            models.Index(fields=["release_year", "id"], name="album_by_year"),
            models.Index(fields=["created_at", "id"], name="album_by_created"),
            models.Index(fields=["updated_at", "id"], name="album_by_updated"),
            models.Index(fields=["artist", "title_key", "id"], name="album_of_artist_by_title"),
            models.Index(fields=["artist", "id"], name="album_of_artist"),
            models.Index(fields=["artist", "release_year", "id"], name="album_of_artist_by_year"),
            models.Index(fields=["artist", "created_at", "id"], name="album_of_artist_by_created"),
            models.Index(fields=["artist", "updated_at", "id"], name="album_of_artist_by_updated"),
        ]

    def __str__(self) -> str:
        return self.title

    def fill_keys(self) -> None:
        self.title_key = fold(self.title)
        self.title_words = spellings(self.title_key)
        self.artist_key = self.artist.sort_key


class Track(Entry):
    title = models.CharField(max_length=TITLE_LENGTH)
    artist = models.ForeignKey(
        Artist, on_delete=models.RESTRICT, related_name="tracks", db_index=False
    )
    album = models.ForeignKey(
        Album, on_delete=models.RESTRICT, related_name="tracks", db_index=False
    )
    disc_number = models.PositiveIntegerField(null=True, blank=True)
    track_number = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    composer = models.CharField(max_length=TITLE_LENGTH, null=True, blank=True)
    isrc = KeyField(null=True, blank=True)
    position = models.GeneratedField(
        # Cast first: the product of two small integers would have to be one itself.
        expression=Cast(Coalesce("disc_number", 1), models.BigIntegerField()) * DISC_STRIDE
        + Coalesce("track_number", DISC_STRIDE - 1),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    title_key = KeyField(editable=False)
    title_words = KeyField(editable=False)
    composer_words = KeyField(editable=False)
    artist_key = KeyField(editable=False)
    album_key = KeyField(editable=False)
    release_year = models.IntegerField(null=True, editable=False)
    genre_list = ListField()
    credit_list = ListField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mbid"], name="track_mbid_unique", condition=Q(mbid__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["source", "source_id"],
                name="track_source_unique",
                condition=Q(source_id__isnull=False),
            ),
            source_is_whole("track"),
        ]
        indexes = [
            models.Index(fields=["title_key", "id"], name="track_by_title"),
            models.Index(fields=["album_key", "id"], name="track_by_album"),
            models.Index(fields=["artist_key", "id"], name="track_by_artist"),
            models.Index(fields=["duration_ms", "id"], name="track_by_duration"),
            models.Index(fields=["release_year", "id"], name="track_by_year"),
            models.Index(fields=["created_at", "id"], name="track_by_created"),
            models.Index(fields=["updated_at", "id"], name="track_by_updated"),
            models.Index(fields=["artist", "title_key", "id"], name="track_of_artist_by_title"),
            models.Index(fields=["artist", "album_key", "id"], name="track_of_artist_by_album"),
            models.Index(fields=["artist", "id"], name="track_of_artist"),
            models.Index(
                fields=["artist", "duration_ms", "id"], name="track_of_artist_by_duration"
            ),
            models.Index(fields=["artist", "release_year", "id"], name="track_of_artist_by_year"),
            models.Index(fields=["artist", "created_at", "id"], name="track_of_artist_by_created"),
            models.Index(fields=["artist", "updated_at", "id"], name="track_of_artist_by_updated"),
            models.Index(fields=["album", "position", "id"], name="track_of_album"),
            models.Index(
                fields=["isrc", "id"], name="track_by_isrc", condition=Q(isrc__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def fill_keys(self) -> None:
        self.title_key = fold(self.title)
        self.title_words = spellings(self.title_key)
        self.composer_words = spellings(fold(self.composer or ""))
        self.artist_key = self.artist.sort_key
        self.album_key = self.album.title_key
        self.release_year = self.album.release_year


class Credit(models.Model):
    """An artist on an album or track, in order and as the sleeve has it.

    Rows exist only where there is more to say than the artist of the album or track: it is then
    the first of them.
    """

    position = models.PositiveIntegerField()
    credited_as = models.CharField(max_length=NAME_LENGTH)
    role = models.CharField(max_length=NAME_LENGTH, default="main")

    class Meta:
        abstract = True
        ordering = ("position",)

    def __str__(self) -> str:
        return self.credited_as


class AlbumCredit(Credit):
    album = models.ForeignKey(
        Album, on_delete=models.CASCADE, related_name="credits", db_index=False
    )
    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="album_credits")

    class Meta(Credit.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["album", "position"], name="album_credit_position_unique"
            )
        ]


class TrackCredit(Credit):
    track = models.ForeignKey(
        Track, on_delete=models.CASCADE, related_name="credits", db_index=False
    )
    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="track_credits")

    class Meta(Credit.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["track", "position"], name="track_credit_position_unique"
            )
        ]


class AlbumGenre(models.Model):
    """A genre of an album, with the keys that the albums of a genre are sorted by."""

    album = models.ForeignKey(
        Album, on_delete=models.CASCADE, related_name="genre_rows", db_index=False
    )
    genre = models.ForeignKey(Genre, on_delete=models.RESTRICT, db_index=False)
    position = models.PositiveIntegerField(default=0)
    artist = models.ForeignKey(
        Artist, on_delete=models.DO_NOTHING, related_name="+", db_index=False, editable=False
    )
    title_key = KeyField(editable=False)
    artist_key = KeyField(editable=False)
    release_year = models.IntegerField(null=True, editable=False)
    created_at = MomentField(editable=False)
    updated_at = MomentField(editable=False)

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["album", "genre"], name="album_genre_unique")
        ]
        indexes = [
            models.Index(fields=["genre", "title_key", "album"], name="album_of_genre_by_title"),
            models.Index(fields=["genre", "artist_key", "album"], name="album_of_genre_by_artist"),
            models.Index(fields=["genre", "release_year", "album"], name="album_of_genre_by_year"),
            models.Index(fields=["genre", "created_at", "album"], name="album_of_genre_by_created"),
            models.Index(fields=["genre", "updated_at", "album"], name="album_of_genre_by_updated"),
        ]

    def __str__(self) -> str:
        return self.genre.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        for name in ("artist_id", "title_key", "artist_key", "release_year"):
            setattr(self, name, getattr(self.album, name))
        self.created_at, self.updated_at = self.album.created_at, self.album.updated_at
        super().save(*args, **kwargs)


class TrackGenre(models.Model):
    """A genre of a track, with the keys that the tracks of a genre are sorted by."""

    track = models.ForeignKey(
        Track, on_delete=models.CASCADE, related_name="genre_rows", db_index=False
    )
    genre = models.ForeignKey(Genre, on_delete=models.RESTRICT, db_index=False)
    position = models.PositiveIntegerField(default=0)
    artist = models.ForeignKey(
        Artist, on_delete=models.DO_NOTHING, related_name="+", db_index=False, editable=False
    )
    title_key = KeyField(editable=False)
    album_key = KeyField(editable=False)
    artist_key = KeyField(editable=False)
    duration_ms = models.PositiveIntegerField(null=True, editable=False)
    release_year = models.IntegerField(null=True, editable=False)
    created_at = MomentField(editable=False)
    updated_at = MomentField(editable=False)

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["track", "genre"], name="track_genre_unique")
        ]
        indexes = [
            models.Index(fields=["genre", "title_key", "track"], name="track_of_genre_by_title"),
            models.Index(fields=["genre", "album_key", "track"], name="track_of_genre_by_album"),
            models.Index(fields=["genre", "artist_key", "track"], name="track_of_genre_by_artist"),
            models.Index(
                fields=["genre", "duration_ms", "track"], name="track_of_genre_by_duration"
            ),
            models.Index(fields=["genre", "release_year", "track"], name="track_of_genre_by_year"),
            models.Index(fields=["genre", "created_at", "track"], name="track_of_genre_by_created"),
            models.Index(fields=["genre", "updated_at", "track"], name="track_of_genre_by_updated"),
        ]

    def __str__(self) -> str:
        return self.genre.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        carried = ("artist_id", "title_key", "album_key", "artist_key", "duration_ms")
        for name in (*carried, "release_year", "created_at", "updated_at"):
            setattr(self, name, getattr(self.track, name))
        super().save(*args, **kwargs)


class ArtistGenre(models.Model):
    """A genre found on the artist's albums or tracks. Triggers write it; nothing else does."""

    artist = models.ForeignKey(
        Artist, on_delete=models.CASCADE, related_name="genre_rows", db_index=False
    )
    genre = models.ForeignKey(Genre, on_delete=models.CASCADE, db_index=False)
    sort_key = KeyField(editable=False)
    created_at = MomentField(editable=False)
    updated_at = MomentField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["artist", "genre"], name="artist_genre_unique")
        ]
        indexes = [
            models.Index(fields=["genre", "sort_key", "artist"], name="artist_of_genre_by_name"),
            models.Index(
                fields=["genre", "created_at", "artist"], name="artist_of_genre_by_created"
            ),
            models.Index(
                fields=["genre", "updated_at", "artist"], name="artist_of_genre_by_updated"
            ),
        ]

    def __str__(self) -> str:
        return self.genre.name
