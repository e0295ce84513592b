"""Who may do what: every operation, by everyone, with what is their own and what is not."""

import json
from typing import Any, NamedTuple

import pytest
from pytest_django import Settings

from tests.client import Person, Reply, problem
from tests.operations import OPERATIONS
from tests.places import Everything, bodies, stored
from vivace.accounts import sessions
from vivace.accounts.identity import ROLES
from vivace.accounts.models import User
from vivace.catalogue.models import Artist
from vivace.listening.models import Playlist

PASSWORD = "Träumerei-1838"
HERE = "192.0.2.7"
EVERYONE = ("nobody", *ROLES)


class Row(NamedTuple):
    least: str
    """The role from which on it may be done."""
    done: int
    """The status where it is."""


READ, OWN, WRITE, ADMIN = "listener", "listener", "editor", "admin"
EXPECTED = {
    "GET artists": Row(READ, 200),
    "POST artists": Row(WRITE, 201),
    "POST artists/bulk": Row(WRITE, 201),
    "GET artists/<id>": Row(READ, 200),
    "PATCH artists/<id>": Row(WRITE, 200),
    "PUT artists/<id>": Row(WRITE, 200),
    "DELETE artists/<id>": Row(WRITE, 204),
    "GET artists/<id>/albums": Row(READ, 200),
    "GET artists/<id>/tracks": Row(READ, 200),
    "GET albums": Row(READ, 200),
    "POST albums": Row(WRITE, 201),
    "POST albums/bulk": Row(WRITE, 201),
    "GET albums/<id>": Row(READ, 200),
    "PATCH albums/<id>": Row(WRITE, 200),
    "PUT albums/<id>": Row(WRITE, 200),
    "DELETE albums/<id>": Row(WRITE, 204),
    "GET albums/<id>/tracks": Row(READ, 200),
    "GET search": Row(READ, 200),
    "GET tracks": Row(READ, 200),
    "POST tracks": Row(WRITE, 201),
    "POST tracks/bulk": Row(WRITE, 201),
    "GET tracks/<id>": Row(READ, 200),
    "PATCH tracks/<id>": Row(WRITE, 200),
    "PUT tracks/<id>": Row(WRITE, 200),
    "DELETE tracks/<id>": Row(WRITE, 204),
    "GET genres": Row(READ, 200),
    "POST imports": Row(WRITE, 200),
    "GET playlists": Row(READ, 200),
    "POST playlists": Row(OWN, 201),
    "GET playlists/<id>": Row(READ, 200),
    "PATCH playlists/<id>": Row(OWN, 200),
    "DELETE playlists/<id>": Row(OWN, 204),
    "GET playlists/<id>/items": Row(READ, 200),
    "POST playlists/<id>/items": Row(OWN, 201),
    "PUT playlists/<id>/items": Row(OWN, 200),
    "PATCH playlists/<id>/items/<item_id>": Row(OWN, 200),
    "DELETE playlists/<id>/items/<item_id>": Row(OWN, 204),
    "GET me/favourites": Row(OWN, 200),
    "PUT me/favourites/<kind>/<id>": Row(OWN, 204),
    "DELETE me/favourites/<kind>/<id>": Row(OWN, 204),
    "POST auth/register": Row("nobody", 201),
    "POST auth/login": Row("nobody", 200),
    "POST auth/refresh": Row("nobody", 200),
    "POST auth/logout": Row("nobody", 204),
    "GET me": Row(OWN, 200),
    "POST me/password": Row(OWN, 204),
    "GET me/api-keys": Row(OWN, 200),
    "POST me/api-keys": Row(OWN, 201),
    "DELETE me/api-keys/<id>": Row(OWN, 204),
    "GET users": Row(ADMIN, 200),
    "GET users/<id>": Row(ADMIN, 200),
    "PATCH users/<id>": Row(ADMIN, 200),
    "DELETE users/<id>": Row(ADMIN, 204),
}

# Where nobody may read too, once that is allowed.
PUBLIC = {name for name, row in EXPECTED.items() if name.startswith("GET") and row.least == READ}
PUBLIC -= {name for name in EXPECTED if "me" in name.split(" ")[1].split("/")}

# What is done to something of one's own, as opposed to someone else's private or public thing.
OF_OTHERS = {
    "GET playlists/<id>": (404, 200),
    "PATCH playlists/<id>": (404, 403),
    "DELETE playlists/<id>": (404, 403),
    "GET playlists/<id>/items": (404, 200),
    "POST playlists/<id>/items": (404, 403),
    "PUT playlists/<id>/items": (404, 403),
    "PATCH playlists/<id>/items/<item_id>": (404, 403),
    "DELETE playlists/<id>/items/<item_id>": (404, 403),
    "DELETE me/api-keys/<id>": (404, 404),
}


def person_of(role: str, name: str = "asking") -> Person:
    return Person(None if role == "nobody" else role, name)


def give_password(user: User | None) -> None:
    # Only where it is needed: hashing takes longer than the rest of a test.
    if user:
        user.set_password(PASSWORD)
        user.save()


def asked(person: Person, there: Everything, name: str) -> Reply:
    """A request that is right but for who asks."""
    method, template = name.split(" ")
    path = there.path(template)
    if name == "POST imports":
        row = {"title": "Jóga", "artist": "Björk", "album": "Homogenic"}
        line = json.dumps(row).encode()
        return person.send(method, path, line, content_type="application/x-ndjson")
    if method == "DELETE" and template in {"artists/<id>", "albums/<id>"}:
        return person.delete(path, cascade=True)
    body = {**bodies(there), **signing_in(person, there, name)}.get(name)
    return person.send(method, path, body, query=there.query(template))


def signing_in(person: Person, there: Everything, name: str) -> dict[str, Any]:
    """Bodies with what it takes to be let in, where an operation needs that."""
    if name == "POST auth/register":
        made = {"username": "clara", "email": "clara@example.org", "password": PASSWORD}
        return {name: made}
    if name == "POST me/password":
        give_password(person.user)
        return {name: {"current_password": PASSWORD, "new_password": f"{PASSWORD}!"}}
    if name.startswith("POST auth/"):
        someone = User.objects.get(pk=there.ids["users"])
        give_password(someone)
        if name == "POST auth/login":
            return {name: {"login": someone.email, "password": PASSWORD}}
        pair = sessions.log_in(someone.username, PASSWORD, HERE)
        return {name: {"refresh_token": pair.refresh_token}}
    return {}


def test_every_operation_has_its_row() -> None:
    assert {*EXPECTED} == {operation.name for operation in OPERATIONS}
    assert {*OF_OTHERS} <= {*EXPECTED}


@pytest.mark.django_db
@pytest.mark.parametrize("role", EVERYONE)
@pytest.mark.parametrize("name", EXPECTED)
def test_who_may_do_it_does_it_and_others_change_nothing(
    name: str, role: str, settings: Settings
) -> None:
    settings.REGISTRATION = True
    person = person_of(role)
    there = Everything(person if person.user else Person("listener", "else"))
    row = EXPECTED[name]
    if EVERYONE.index(role) >= EVERYONE.index(row.least):
        assert asked(person, there, name).status == row.done
        return
    before = stored()
    reply = asked(person, there, name)
    problem(reply, 401 if role == "nobody" else 403)
    assert ("WWW-Authenticate" in reply.headers) == (role == "nobody")
    assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize("public", [False, True], ids=["private", "public"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_is_someone_else_s_is_theirs_whatever_the_role(
    name: str, role: str, public: bool
) -> None:
    there = Everything(person_of("listener", "owner"))
    Playlist.objects.update(public=public)
    person = person_of(role)
    before = stored()
    reply = asked(person, there, name)
    expected = OF_OTHERS[name][public]
    if expected == 200:
        assert reply.status == 200
    else:
        problem(reply, expected)
    assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("GET")])
def test_nobody_reads_the_library_where_that_is_allowed_and_no_more(
    name: str, settings: Settings
) -> None:
    settings.PUBLIC_READ = True
    there = Everything(person_of("admin"))
    Playlist.objects.update(public=True)
    reply = asked(Person(), there, name)
    if name in PUBLIC:
        assert reply.status == 200
    else:
        problem(reply, 401)


@pytest.mark.django_db
def test_nobody_sees_no_private_playlist_where_reading_is_allowed(settings: Settings) -> None:
    settings.PUBLIC_READ = True
    there = Everything(person_of("listener"), 2)
    nobody = Person()
    assert nobody.items("playlists") == []
    problem(nobody.get(there.path("playlists/<id>")), 404)
    problem(nobody.get(there.path("playlists/<id>/items")), 404)


@pytest.mark.django_db
def test_a_list_shows_one_s_own_and_what_is_public(settings: Settings) -> None:
    there = Everything(person_of("listener", "owner"), 2)
    stranger = person_of("admin")
    assert [*map(len, map(stranger.items, ("playlists", "me/favourites", "me/api-keys")))] == [
        0, 0, 0,
    ]  # fmt: skip
    Playlist.objects.filter(pk=there.ids["playlists"]).update(public=True)
    assert [playlist["id"] for playlist in stranger.items("playlists")] == [there.ids["playlists"]]
    assert len(there.owner.items("playlists")) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name, row in EXPECTED.items() if row.least != "nobody"])
def test_a_token_that_is_not_ours_is_never_just_nobody(name: str, settings: Settings) -> None:
    settings.PUBLIC_READ = True
    there = Everything(person_of("admin"))
    stranger = Person()
    stranger.authorization = {"Authorization": "Bearer not.a.token"}
    problem(asked(stranger, there, name), 401)


@pytest.mark.django_db
def test_who_may_not_is_told_so_whatever_they_send() -> None:
    listener, nobody = person_of("listener"), Person()
    for body in (b"{", b"[" * 100_000, b'{"name": 5}'):
        problem(listener.send("POST", "artists", body), 403)
        problem(nobody.send("POST", "artists", body), 401)
    problem(listener.patch("artists/999999", {}), 403)
    problem(nobody.get("artists/999999"), 401)
    assert not Artist.objects.exists()
