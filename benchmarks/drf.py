"""The "before": the same endpoints as most Django projects write them, with Django REST framework.

Serializers of models with others in them, `select_related` and `prefetch_related`, pages by limit
and offset, validation by `many=True`, `bulk_create`. The tables are Vivace's and so are the
answers, item for item, and the middleware before its views. Nobody is asked who they are, which is
in its favour.
"""

from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.test import override_settings
from django.urls import path
from rest_framework.generics import CreateAPIView, ListAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import (
    CharField,
    IntegerField,
    ListSerializer,
    ModelSerializer,
    StringRelatedField,
)

from vivace.catalogue.caching import changing
from vivace.catalogue.models import Album, Artist, Track, TrackCredit
from vivace.catalogue.search import index_words

PREFIX = "/drf"


class ArtistList(ListSerializer):
    def create(self, validated_data: list[dict[str, Any]]) -> list[Artist]:
        artists = [Artist(**fields) for fields in validated_data]
        for artist in artists:
            artist.fill_keys()
        # What Vivace's tables ask of whoever writes to them.
        with changing():
            made = Artist.objects.bulk_create(artists)
            words = (artist.name_words for artist in made)
            index_words(Artist._meta.db_table, [artist.pk for artist in made], words)
        return made


class ArtistSerializer(ModelSerializer):
    id = CharField(read_only=True)

    class Meta:
        model = Artist
        list_serializer_class = ArtistList
        fields = (
            "id", "name", "sort_name", "disambiguation", "mbid", "created_at", "updated_at",
        )  # fmt: skip


class ArtistRefSerializer(ModelSerializer):
    id = CharField()

    class Meta:
        model = Artist
        fields = ("id", "name")


class AlbumRefSerializer(ModelSerializer):
    id = CharField()
    release_year = IntegerField()

    class Meta:
        model = Album
        fields = ("id", "title", "release_year")


class CreditSerializer(ModelSerializer):
    id = CharField(source="artist_id")
    name = CharField(source="artist.name")

    class Meta:
        model = TrackCredit
        fields = ("id", "name", "credited_as", "role")


class TrackSerializer(ModelSerializer):
    id = CharField()
    artist = ArtistRefSerializer()
    album = AlbumRefSerializer()
    genres = StringRelatedField(many=True, source="genre_rows")
    credits = CreditSerializer(many=True)

    class Meta:
        model = Track
        fields = (
            "id", "title", "disc_number", "track_number", "duration_ms", "composer",
            "artist", "album", "genres", "credits", "created_at", "updated_at",
        )  # fmt: skip


class Pages(LimitOffsetPagination):
    default_limit = 50
    max_limit = 10_000


class Open:
    """What a project says once in its settings, which are Vivace's here."""

    renderer_classes = (JSONRenderer,)
    parser_classes = (JSONParser,)
    authentication_classes = ()
    permission_classes = ()
    pagination_class = Pages


class Artists(Open, ListAPIView):
    queryset = Artist.objects.order_by("created_at", "id")
    serializer_class = ArtistSerializer


class ArtistsBulk(Open, CreateAPIView):
    serializer_class = ArtistSerializer

    def create(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data, many=True)
        serializer.is_valid(raise_exception=True)
        return Response({"ids": [str(artist.pk) for artist in serializer.save()]}, status=201)


class Tracks(Open, ListAPIView):
    queryset = (
        Track.objects.select_related("artist", "album")
        .prefetch_related("genre_rows__genre", "credits__artist")
        .order_by("created_at", "id")
    )
    serializer_class = TrackSerializer


urlpatterns = [
    path("drf/artists", Artists.as_view()),
    path("drf/artists/bulk", ArtistsBulk.as_view()),
    path("drf/tracks", Tracks.as_view()),
]


class Request(WSGIRequest):
    urlconf = __name__


class Handler(WSGIHandler):
    """Django with the paths above."""

    request_class = Request

    def load_middleware(self, is_async: bool = False) -> None:
        # From this one on requests go straight to Vivace's views, past the paths above.
        passed = settings.MIDDLEWARE.index("vivace.api.middleware.straight")
        with override_settings(MIDDLEWARE=settings.MIDDLEWARE[:passed]):
            super().load_middleware(is_async)
