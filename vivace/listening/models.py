"""What people make of the library: their playlists and favourites."""

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from vivace.catalogue.fields import KeyField, MomentField
from vivace.catalogue.folding import fold, spellings
from vivace.catalogue.models import NAME_LENGTH, Album, Artist, Track
from vivace.catalogue.vocabulary import learn


class Playlist(models.Model):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playlists", db_index=False
    )
    name = models.CharField(max_length=NAME_LENGTH)
    name_key = KeyField(editable=False)
    name_words = KeyField(editable=False)
    description = models.TextField(null=True, blank=True)
    public = models.BooleanField(default=False, help_text="Others may read it")
    source = KeyField(null=True, blank=True, help_text="The collection it was imported from")
    source_id = KeyField(null=True, blank=True, help_text="Its id in that collection")
    created_at = MomentField(default=timezone.now, editable=False)
    updated_at = MomentField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "source", "source_id"],
                name="playlist_source_unique",
                condition=Q(source_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "name_key", "id"], name="playlist_of_owner_by_name"),
            models.Index(fields=["owner", "created_at", "id"], name="playlist_of_owner_by_created"),
            models.Index(fields=["owner", "updated_at", "id"], name="playlist_of_owner_by_updated"),
            models.Index(
                fields=["name_key", "id"], name="playlist_public_by_name", condition=Q(public=True)
            ),
            models.Index(
                fields=["created_at", "id"],
                name="playlist_public_by_created",
                condition=Q(public=True),
            ),
            models.Index(
                fields=["updated_at", "id"],
                name="playlist_public_by_updated",
                condition=Q(public=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name_key = fold(self.name)
        self.name_words = spellings(self.name_key)
        super().save(*args, **kwargs)
        learn([self.name_words])


class PlaylistItem(models.Model):
    """A track in a playlist, where it may stand more than once.

    `position` gives the order and nothing else: it has gaps where items were, since a track that
    leaves the library takes its items along without asking. Listeners count from 0 without gaps.
    """

    playlist = models.ForeignKey(
        Playlist, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="playlist_items")
    position = models.IntegerField()
    added_at = MomentField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(
                fields=["playlist", "position"], name="playlist_item_position_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.track}"


class Favourite(models.Model):
    """An artist, an album or a track that an account likes: one of the three."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="favourites",
        db_index=False,
    )
    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="+", null=True)
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="+", null=True)
    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="+", null=True)
    created_at = MomentField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "artist"], name="favourite_artist_unique"),
            models.UniqueConstraint(fields=["account", "album"], name="favourite_album_unique"),
            models.UniqueConstraint(fields=["account", "track"], name="favourite_track_unique"),
            models.CheckConstraint(
                name="favourite_is_one_thing",
                condition=(
                    Q(artist__isnull=False, album__isnull=True, track__isnull=True)
                    | Q(artist__isnull=True, album__isnull=False, track__isnull=True)
                    | Q(artist__isnull=True, album__isnull=True, track__isnull=False)
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "created_at", "id"], name="favourite_by_created")
        ]

    def __str__(self) -> str:
        return str(self.artist or self.album or self.track)
