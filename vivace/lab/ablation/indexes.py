"""Optimisations of what the database keeps beside the rows: indexes, and the keys in them."""

from dataclasses import replace
from urllib.parse import quote_plus

from django.db.models import Count, Q

from vivace.api import catalogue as views
from vivace.catalogue import lists
from vivace.catalogue.listings import ARTISTS, TRACKS
from vivace.catalogue.lists import genre_named
from vivace.catalogue.models import AlbumGenre, Track, TrackGenre
from vivace.lab.ablation.paging import deep
from vivace.lab.ablation.trials import PAGE, Client, Trial, asking, first, replacing, together
from vivace.lab.profiling.calling import Request
from vivace.lab.profiling.indexes import run


def sort_index(client: Client) -> Trial:
    return index_dropped(client, "track_by_title", client.get("tracks", f"{PAGE}&sort=title"))


def filter_index(client: Client) -> Trial:
    known = Track.objects.filter(isrc__isnull=False).order_by("-pk")
    isrc = first(known.values_list("isrc", flat=True), "track with an ISRC")
    return index_dropped(client, "track_by_isrc", client.get("tracks", f"isrc={isrc}"))


def filter_and_sort_index(client: Client) -> Trial:
    query = f"{PAGE}&genre={busiest_genre()}&sort=title"
    return index_dropped(client, "track_of_genre_by_title", client.get("tracks", query))


def index_dropped(client: Client, name: str, request: Request) -> Trial:
    copy = client.copy()
    run(copy, f"DROP INDEX {name}")
    return Trial(request, asking(copy))


def busiest_genre() -> str:
    """The name that the most tracks have."""
    counted = TrackGenre.objects.order_by().values("genre__name").annotate(tracks=Count("pk"))
    return quote_plus(first(counted.order_by("-tracks"), "genre")["genre__name"])


def carried_keys(client: Client) -> Trial:
    joined = replace(TRACKS, sorts={**TRACKS.sorts, "artist": "artist__sort_key"})
    return Trial(deep(client, "artist"), replacing(views, TRACKS=joined))


def keys_of_genre_rows(client: Client) -> Trial:
    query = f"{PAGE}&genre={busiest_genre()}&sort=title"
    unscoped = replace(TRACKS, scopes={})
    # Of rows that share a title a cursor says so, but not in a scope: the answers are to be equal.
    never = replacing(lists, tied=lambda *_: False)
    return Trial(client.get("tracks", query), together(replacing(views, TRACKS=unscoped), never))


def genres_of_artists(client: Client) -> Trial:
    def found() -> Q:
        """Artists with an album or a track of the genre."""
        named = {"genre_id": genre_named()}
        of_albums = AlbumGenre.objects.filter(**named).order_by().values("artist_id")
        of_tracks = TrackGenre.objects.filter(**named).order_by().values("artist_id")
        return Q(pk__in=of_albums) | Q(pk__in=of_tracks)

    derived = replace(ARTISTS, scopes={}, filters={**ARTISTS.filters, "genre": found})
    query = f"{PAGE}&genre={busiest_genre()}&sort=name"
    return Trial(client.get("artists", query), replacing(views, ARTISTS=derived))
