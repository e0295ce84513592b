"""A library to try Vivace with: `vivace serve --demo`."""

import time
from collections.abc import Callable
from contextlib import suppress

from vivace.accounts import people
from vivace.accounts.models import User
from vivace.catalogue.models import Artist
from vivace.dataset.filling import fill
from vivace.dataset.library import library
from vivace.problems import Conflict

# As many tracks as make a start of some ten seconds.
ARTISTS, ALBUMS_PER_ARTIST, TRACKS_PER_ALBUM = 10_000, 2, 5

USERNAME = "demo"
EMAIL = "demo@example.org"
PASSWORD = "vivace-demo"  # noqa: S105 - shown on the terminal, of a library that nobody owns


def prepare(say: Callable[[str], None]) -> None:
    """Fill the library if it is empty, and add an editor whose password everyone knows.

    A library that has something in it is left alone: it may be someone's own.
    """
    if Artist.objects.exists():
        say("The library is not empty: nothing was generated.")
    else:
        with suppress(Conflict):  # A start that was broken off got so far.
            people.create(EMAIL, USERNAME, PASSWORD, User.Role.EDITOR)
        fill_library(say)
    if any(user.check_password(PASSWORD) for user in User.objects.filter(username=USERNAME)):
        say(f"Log in as {USERNAME} with the password {PASSWORD}")


def fill_library(say: Callable[[str], None]) -> None:
    albums = ARTISTS * ALBUMS_PER_ARTIST
    say(
        f"Filling the library with {ARTISTS:,} generated artists, {albums:,} albums and"
        f" {albums * TRACKS_PER_ALBUM:,} tracks …"
    )
    started = time.monotonic()
    fill(library(ARTISTS, ALBUMS_PER_ARTIST, TRACKS_PER_ALBUM))
    say(f"… done in {time.monotonic() - started:.0f} s.")
