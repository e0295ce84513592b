"""What the OpenAPI document says in words, where the types of the API do not say it."""

DESCRIPTION = """
A music library: artists, albums, tracks, genres and playlists. Audio and cover images are not
served yet.

**Who asks.** Log in with `POST /api/v1/auth/login` and send the access token, or an API key, as
`Authorization: Bearer …`. A *listener* reads and has playlists and favourites, an *editor* also
writes the catalogue, an *admin* also manages accounts. An access token counts for five minutes;
`POST /api/v1/auth/refresh` gives the next one.

**Lists** come by the page: `limit` items, then those after the `cursor` that the page before gave
as `next`. Or whole, with `Accept: application/x-ndjson`: one JSON object a line, without `cursor`
and `offset`. A parameter that is not known, is given twice or is not of its type is refused.

**Conditional requests.** Answers carry an `ETag`. Send it as `If-None-Match` to be answered 304
where nothing changed, or as `If-Match` to write only to what you read (412 otherwise).

**Methods.** Wherever there is GET there is HEAD: the same answer without its body. What a path
does not have is answered 405 with `Allow`. A slash at the end of a path makes no difference.

**Errors** are problem documents (RFC 9457, `application/problem+json`): a stable `code`, and in
`errors` what is wrong, by a JSON pointer into the body or by parameter. `/api/docs/problems`
lists them all.

**Bodies** are JSON in UTF-8, sent with their length: at most 4 MiB, 32 for many things at
once, 64 KiB where it takes no login.
"""

TAGS = {
    "artists": "Whoever records: people, bands, orchestras.",
    "albums": "Releases of an artist, with their date, genres and credits.",
    "tracks": "The recordings on an album.",
    "genres": "What albums and tracks are called; they come about as they are named.",
    "search": "One question to all of the catalogue.",
    "imports": "Files of rows, into the library while you wait.",
    "playlists": "Tracks in an order of one's own. A public one can be read by everyone.",
    "favourites": "The artists, albums and tracks that one likes best.",
    "accounts": "Logging in, one's own account and its API keys.",
    "users": "All accounts, for admins.",
}

PARAMETERS = {
    "id": "The id of what the path names",
    "item_id": "The id of an item of the playlist; a track that stands twice has two",
    "kind": "Of what kind the favourite is",
    "artist_id": "Of the artist with this id",
    "album_id": "On the album with this id",
    "owner_id": "Of the account with this id",
    "mbid": "The one with this MusicBrainz id",
    "isrc": "With this International Standard Recording Code; hyphens make no difference",
    "release_year": "Released in this year",
    "release_year_from": "Released in this year or later",
    "release_year_to": "Released in this year or earlier",
    "duration_ms_from": "At least this long, in milliseconds",
    "duration_ms_to": "At most this long, in milliseconds",
    "username": "The whole username, in any case",
    "email": "The whole e-mail address, in any case",
    "kind_query": "Only favourites of this kind",
}

SORT = (
    "The key of the order, descending with `-` before it. Names and titles go by their folded"
    " text (no case, no accents), of which 500 characters count; what has no such key comes last"
    " in either direction; among equals the id decides."
)
DEFAULT_ORDER = "By `created_at` if absent."
DEFAULT_ORDERS = {
    "getGenres": "By `name` if absent.",
    "getItems": "By `position` if absent.",
    "getTracksOfAlbum": "By disc and track number if absent.",
}

IF_NONE_MATCH = "ETags, or `*`: 304 if the answer has one of them"
IF_MATCH = "ETags of what is to be written, or `*`: 412 if it has another by now"
IDEMPOTENCY_KEY = (
    "Any text of one's own. For 24 hours the same key with the same request gets the same answer"
    " and makes one thing; with another request it is 422"
)

HEADERS = {
    "ETag": "A strong validator of this answer, which JSON Lines do not have",
    "Location": "The path of what was made",
    "Idempotency-Replayed": "`true` where it is the answer kept under the Idempotency-Key",
    "WWW-Authenticate": "How to say who is asking (RFC 6750)",
    "Allow": "The methods that the path has",
    "Accept-Post": "The media types that are read here, where the body is of another",
    "Accept-Encoding": "How bodies are taken, where this one is compressed",
    "Retry-After": "Seconds until it is worth another try",
    "RateLimit": "The limit that was reached, what is left of it, and the seconds to its reset",
    "RateLimit-Policy": "The limit: so many tries (`q`) in so many seconds (`w`)",
}

# A file is read as it comes and not decoded to a type, so no type tells of it.
IMPORT_BODY = {
    "required": True,
    "description": "Rows as docs/import.md describes them",
    "content": {
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "A JSON object a line"},
            "example": '{"title": "Hoppípolla", "artist": "Sigur Rós", "album": "Takk..."}\n',
        },
        "text/csv": {
            "schema": {"type": "string", "description": "A header line, then a row a line"},
            "example": "title,artist,album\nHoppípolla,Sigur Rós,Takk...\n",
        },
    },
}
