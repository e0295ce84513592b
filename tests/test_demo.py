"""The library to try Vivace with, and when it is not made."""

import pytest

from tests import builders
from tests.client import Person
from vivace.accounts.models import User
from vivace.catalogue.models import Album, Artist, Track
from vivace.dataset import demo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ARTISTS", 4)


def prepare() -> str:
    said: list[str] = []
    demo.prepare(said.append)
    return "\n".join(said)


def test_an_empty_library_is_filled_and_has_someone_who_can_log_in() -> None:
    said = prepare()
    assert "4 generated artists, 8 albums and 40 tracks" in said
    assert [model.objects.count() for model in (Artist, Album, Track)] == [4, 8, 40]
    assert said.endswith("Log in as demo with the password vivace-demo")
    login = {"login": "demo", "password": "vivace-demo"}
    assert Person().post("auth/login", login).status == 200
    assert User.objects.get().role == User.Role.EDITOR


def test_the_next_start_changes_nothing_and_says_how_to_log_in() -> None:
    prepare()
    Artist.objects.update(name="Mine")
    said = prepare()
    assert said.startswith("The library is not empty: nothing was generated.")
    assert said.endswith("Log in as demo with the password vivace-demo")
    assert {artist.name for artist in Artist.objects.all()} == {"Mine"}


def test_someones_own_library_gets_no_user_with_a_known_password() -> None:
    builders.artist()
    assert prepare() == "The library is not empty: nothing was generated."
    assert not User.objects.exists()


def test_a_demo_user_whose_password_was_changed_is_left_alone() -> None:
    prepare()
    user = User.objects.get()
    user.set_password("another one altogether")
    user.save()
    assert "Log in" not in prepare()
