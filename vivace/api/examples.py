"""A body for each operation that takes one, as it would be sent to a library with demo data.

Keyed by operation id. A test sends every one of them.
"""

from typing import Any

ARTIST = {"name": "Sigur Rós", "sort_name": "Sigur Ros", "disambiguation": "Icelandic band"}
ALBUM = {
    "title": "Ágætis byrjun",
    "artist_id": "1",
    "type": "album",
    "release_date": "1999-06-12",
    "genres": ["Post-Rock"],
}
TRACK = {
    "title": "Svefn-g-englar",
    "artist_id": "1",
    "album_id": "1",
    "track_number": 2,
    "duration_ms": 604000,
    "genres": ["Post-Rock", "Ambient"],
}

EXAMPLES: dict[str, Any] = {
    "postArtists": ARTIST,
    "postArtistsBulk": [{"name": "Amiina"}, {"name": "múm"}],
    "patchArtist": {"sort_name": "Ros, Sigur"},
    "putArtist": {"name": "Sigur Rós", "sort_name": "Sigur Ros"},
    "postAlbums": ALBUM,
    "postAlbumsBulk": [ALBUM, ALBUM | {"title": "Takk...", "release_date": "2005"}],
    "patchAlbum": {"release_date": "1999-06"},
    "putAlbum": ALBUM,
    "postTracks": TRACK,
    "postTracksBulk": [TRACK, TRACK | {"title": "Starálfur", "track_number": 3}],
    "patchTrack": {"track_number": 3},
    "putTrack": TRACK,
    "postPlaylists": {"name": "Late at night", "description": "Slow and long", "public": True},
    "patchPlaylist": {"public": False},
    "postItems": {"track_ids": ["1", "2"], "position": 0},
    "putItems": {"track_ids": ["2", "1", "2"]},
    "patchItem": {"position": 1},
    "register": {
        "email": "jonsi@example.org",
        "username": "jonsi",
        "password": "a bow for the guitar",
    },
    "logIn": {"login": "demo", "password": "vivace-demo"},
    "refreshTokens": {"refresh_token": "the one that came with the access token"},
    "logOut": {"refresh_token": "the one that came with the access token"},
    "changePassword": {
        "current_password": "vivace-demo",
        "new_password": "a better one than before",
    },
    "postMyKeys": {"name": "The player in the kitchen"},
    "patchUser": {"role": "editor"},
}
