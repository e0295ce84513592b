"""The paths of the API, and what answers each."""

from django.urls import path
from dmr.routing import Router

from vivace.api import accounts, catalogue, favourites, imports, playlists, search

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
        path("search", search.Search.as_view()),
        path("imports", imports.Imports.as_view()),
        path("playlists", playlists.Playlists.as_view()),
        path("playlists/<id>", playlists.OnePlaylist.as_view()),
        path("playlists/<id>/items", playlists.Items.as_view()),
        path("playlists/<id>/items/<item_id>", playlists.OneItem.as_view()),
        path("me/favourites", favourites.Favourites.as_view()),
        path("me/favourites/<kind>/<id>", favourites.OneFavourite.as_view()),
        path("auth/register", accounts.Register.as_view()),
        path("auth/login", accounts.LogIn.as_view()),
        path("auth/refresh", accounts.Refresh.as_view()),
        path("auth/logout", accounts.LogOut.as_view()),
        path("me", accounts.Me.as_view()),
        path("me/password", accounts.MyPassword.as_view()),
        path("me/api-keys", accounts.MyKeys.as_view()),
        path("me/api-keys/<id>", accounts.MyKey.as_view()),
        path("users", accounts.Users.as_view()),
        path("users/<id>", accounts.OneUser.as_view()),
    ],
)
