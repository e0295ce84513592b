"""Validators: what has not changed is not sent again, and what has changed is not overwritten."""

import json
import re
from collections import Counter

import pytest

from tests import builders
from tests.client import Person, Reply, problem
from tests.operations import COLLECTIONS
from tests.places import Everything
from tests.threads import at_once

STRONG = re.compile(r'"[0-9a-f]+"')
WRITERS = 50


@pytest.fixture
def there(admin: Person) -> Everything:
    return Everything(admin, 2)


@pytest.fixture(params=[*COLLECTIONS, "artists/<id>", "albums/<id>", "tracks/<id>"])
def path(request: pytest.FixtureRequest, there: Everything) -> str:
    return there.path(request.param)


def asked(person: Person, path: str, if_none_match: str, method: str = "GET") -> Reply:
    return person.send(method, path, headers={"If-None-Match": if_none_match})


def test_the_same_answer_has_the_same_strong_tag(admin: Person, path: str) -> None:
    first, second = admin.get(path), admin.get(path)
    assert STRONG.fullmatch(first.headers["ETag"])
    assert (first.headers["ETag"], first.body) == (second.headers["ETag"], second.body)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(admin: Person, path: str, method: str) -> None:
    tag = admin.get(path).headers["ETag"]
    for having in (tag, f"W/{tag}", f'"other", {tag}', f'W/"other",W/{tag}', "*"):
        reply = asked(admin, path, having, method)
        assert (having, reply.status, reply.body) == (having, 304, b"")
        assert reply.headers["ETag"] == tag
        assert "Content-Type" not in reply.headers


def test_what_the_client_does_not_have_is_sent(admin: Person, path: str) -> None:
    shown = admin.get(path)
    tag = shown.headers["ETag"]
    for having in ('"other"', 'W/"other"', tag.strip('"'), tag.upper(), f'{tag[:-2]}"', ""):
        reply = asked(admin, path, having)
        assert (having, reply.status, reply.body) == (having, 200, shown.body)


def test_a_list_s_tag_is_that_of_its_page(admin: Person, there: Everything) -> None:
    pages = [
        {},
        {"limit": "1"},
        {"limit": "1", "offset": "1"},
        {"total": "true"},
        {"sort": "-created_at"},
    ]
    tags = [admin.get("tracks", **query).headers["ETag"] for query in pages]
    assert len({*tags}) == len(pages)


def test_a_list_has_another_tag_when_anything_it_shows_has_changed(
    admin: Person, there: Everything
) -> None:
    seen = [admin.get("tracks").headers["ETag"]]
    for kind, change in (
        ("tracks", {"title": "Other"}),
        ("tracks", {"genres": []}),
        ("artists", {"name": "Other"}),
        ("albums", {"release_date": "1999"}),
    ):
        assert admin.patch(there.path(f"{kind}/<id>"), change).status == 200
        reply = asked(admin, "tracks", ", ".join(seen))
        assert (change, reply.status) == (change, 200)
        seen.append(reply.headers["ETag"])
    assert len({*seen}) == len(seen)


def test_what_may_be_shown_to_one_is_kept_for_nobody_else(admin: Person, path: str) -> None:
    headers = admin.get(path).headers
    assert headers["Cache-Control"] == "private, no-cache"
    assert {*headers["Vary"].split(", ")} >= {"Accept", "Authorization"}


# --- Writes ----------------------------------------------------------------------------------


def state(person: Person, kind: str) -> bytes:
    return person.get(kind).body


CHANGES = {"artists": {"name": "Other"}, "albums": {"title": "Other"}, "tracks": {"title": "Other"}}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_write_that_names_another_state_is_refused(
    admin: Person, there: Everything, kind: str
) -> None:
    path = there.path(f"{kind}/<id>")
    current = admin.get(path)
    assert admin.patch(path, {}).status == 200
    before = state(admin, kind)
    stale = current.headers["ETag"]
    whole = {**CHANGES[kind], "artist_id": there.ids["artists"], "album_id": there.ids["albums"]}
    if kind != "tracks":
        del whole["album_id"]
    if kind == "artists":
        del whole["artist_id"]
    fresh = admin.get(path).headers["ETag"]
    for condition in (stale, f'"other", {stale}', f"W/{fresh}", fresh.strip('"')):
        problem(admin.patch(path, CHANGES[kind], if_match=condition), 412)
        problem(admin.put(path, whole, if_match=condition), 412)
        problem(admin.delete(path, cascade=None, if_match=condition), 412)
    assert state(admin, kind) == before


@pytest.mark.parametrize("kind", CHANGES)
def test_a_write_that_names_this_state_is_done(admin: Person, there: Everything, kind: str) -> None:
    path = there.path(f"{kind}/<id>")
    for form in ("{}", '"other", {}', '"other",{} , W/"another"', "*"):
        condition = form.format(admin.get(path).headers["ETag"])
        reply = admin.patch(path, CHANGES[kind], if_match=condition)
        assert (condition, reply.status) == (condition, 200)


def test_the_answer_to_a_write_names_the_state_that_it_made(
    admin: Person, there: Everything
) -> None:
    made = admin.post("artists", {"name": "New"})
    path = f"artists/{made.json['id']}"
    changed = admin.patch(path, {"name": "Newer"}, if_match=made.headers["ETag"])
    assert changed.status == 200
    assert admin.get(path).headers["ETag"] == changed.headers["ETag"] != made.headers["ETag"]
    assert admin.delete(path, if_match=changed.headers["ETag"]).status == 204
    problem(admin.delete(path, if_match=changed.headers["ETag"]), 404)


def test_a_track_s_tag_moves_with_its_artist_s_name(admin: Person, there: Everything) -> None:
    path = there.path("tracks/<id>")
    tag = admin.get(path).headers["ETag"]
    admin.patch(there.path("artists/<id>"), {"name": "Other"})
    problem(admin.patch(path, {"title": "Other"}, if_match=tag), 412)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_write_from_one_state_one_succeeds(editor: Person) -> None:
    path = f"artists/{builders.artist('Zero')}"
    tag = editor.get(path).headers["ETag"]
    replies = at_once(
        *(
            lambda name=f"Writer {n}": editor.patch(path, {"name": name}, if_match=tag)
            for n in range(WRITERS)
        )
    )
    answered = [reply for reply in replies if isinstance(reply, Reply)]
    assert Counter(reply.status for reply in answered) == {200: 1, 412: WRITERS - 1}
    (winner,) = (reply for reply in answered if reply.status == 200)
    assert editor.get(path).json == json.loads(winner.body)
