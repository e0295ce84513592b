"""API keys: shown once, good until they are deleted or their owner is shut out."""

import pytest
from pytest_django import DjangoAssertNumQueries

from vivace.accounts import keys, people
from vivace.accounts.bearer import identify
from vivace.accounts.identity import Identity
from vivace.accounts.models import ApiKey, User
from vivace.problems import NotFound, Unauthenticated

pytestmark = pytest.mark.django_db


@pytest.fixture
def clara() -> User:
    return User.objects.create_user("clara", "clara@example.org", role="editor")


def test_a_key_says_who_is_asking_in_one_query(
    clara: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, text = keys.create(clara.pk, "radio")
    with django_assert_num_queries(1):  # the key and its owner, in one join
        assert identify(f"Bearer {text}") == Identity(clara.pk, "editor")


def test_a_key_is_stored_hashed(clara: User) -> None:
    key, text = keys.create(clara.pk, "radio")
    assert text.startswith("viv_")
    assert text.removeprefix("viv_") not in str(ApiKey.objects.values().get(pk=key.pk))


def test_no_two_keys_are_the_same(clara: User) -> None:
    assert len({keys.create(clara.pk, "radio")[1] for _ in range(20)}) == 20


def test_a_key_has_the_role_its_owner_has_now(clara: User) -> None:
    _, text = keys.create(clara.pk, "radio")
    people.change(clara.pk, role="listener")
    assert keys.identify(text) == Identity(clara.pk, "listener")


def test_a_key_counts_until_it_is_deleted(clara: User) -> None:
    key, text = keys.create(clara.pk, "radio")
    keys.delete(clara.pk, key.pk)
    with pytest.raises(Unauthenticated):
        keys.identify(text)
    with pytest.raises(NotFound):
        keys.delete(clara.pk, key.pk)


def test_a_key_of_someone_else_is_not_there(clara: User) -> None:
    robert = User.objects.create_user("robert", "robert@example.org")
    key, text = keys.create(clara.pk, "radio")
    with pytest.raises(NotFound):
        keys.delete(robert.pk, key.pk)
    assert keys.identify(text).account_id == clara.pk


def test_a_key_does_not_count_while_its_owner_is_not_active(clara: User) -> None:
    _, text = keys.create(clara.pk, "radio")
    people.change(clara.pk, is_active=False)
    with pytest.raises(Unauthenticated):
        keys.identify(text)


@pytest.mark.parametrize("text", ["viv_", "viv_guess", "viv_" + "a" * 43])
def test_a_made_up_key_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        identify(f"Bearer {text}")
