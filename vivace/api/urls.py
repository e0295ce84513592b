"""The paths of the API, and what answers each."""

from django.urls import path
from dmr.routing import Router

from vivace.api import catalogue

router = Router(
    "api/v1/",
    [
        path("artists", catalogue.Artists.as_view()),
        path("artists/bulk", catalogue.ArtistsBulk.as_view()),
        path("artists/<id>", catalogue.OneArtist.as_view()),
        path("artists/<id>/albums", catalogue.AlbumsOfArtist.as_view()),
        path("artists/<id>/tracks", catalogue.TracksOfArtist.as_view()),
        path("albums", catalogue.Albums.as_view()),
        path("albums/bulk", catalogue.AlbumsBulk.as_view()),
        path("albums/<id>", catalogue.OneAlbum.as_view()),
        path("albums/<id>/tracks", catalogue.TracksOfAlbum.as_view()),
        path("tracks", catalogue.Tracks.as_view()),
        path("tracks/bulk", catalogue.TracksBulk.as_view()),
        path("tracks/<id>", catalogue.OneTrack.as_view()),
        path("genres", catalogue.Genres.as_view()),
    ],
)
