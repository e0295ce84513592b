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
    "patchOneArtist": {"sort_name": "Ros, Sigur"},
    "putOneArtist": ARTIST,
    "postAlbums": ALBUM,
    "postAlbumsBulk": [ALBUM],
    "patchOneAlbum": {"release_date": "1999-06"},
    "putOneAlbum": ALBUM,
    "postTracks": TRACK,
    "postTracksBulk": [TRACK],
    "patchOneTrack": {"track_number": 3},
    "putOneTrack": TRACK,
}
