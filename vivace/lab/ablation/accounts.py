"""Optimisations of who is asking: hashes of passwords, tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.contrib.auth.hashers import make_password
from django.test.utils import override_settings

from vivace.accounts import keys, tokens
from vivace.accounts.identity import Identity
from vivace.accounts.models import RefreshToken, User
from vivace.catalogue.models import Track
from vivace.lab.ablation.trials import Client, Trial, first, replacing

LOGIN, PASSWORD = "ablation", "a password for ablations"
OF_A_LOGIN = {"access_token", "refresh_token"}
"""What is another one each time."""


def faster_than_pbkdf2(client: Client) -> Trial:
    return hashed_by(client, "django.contrib.auth.hashers.PBKDF2PasswordHasher")


def faster_than_djangos_argon2(client: Client) -> Trial:
    return hashed_by(client, "django.contrib.auth.hashers.Argon2PasswordHasher")


def hashed_by(client: Client, hasher: str) -> Trial:
    kept = client.account.password
    with override_settings(PASSWORD_HASHERS=[hasher]):
        other = make_password(PASSWORD)

    @contextmanager
    def off() -> Iterator[None]:
        with override_settings(PASSWORD_HASHERS=[hasher]):
            store(other)
            try:
                yield
            finally:
                store(kept)

    def store(password: str) -> None:
        User.objects.filter(pk=client.account.pk).update(password=password)

    def log_out() -> None:
        RefreshToken.objects.filter(user=client.account).delete()

    request = client.post("auth/login", {"login": LOGIN, "password": PASSWORD})
    return Trial(request, off, told, log_out)


def told(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(answer)
    return found | dict.fromkeys(OF_A_LOGIN & {*found}, "another each time")


def signed_tokens(client: Client) -> Trial:
    _, key = keys.create(client.account.pk, "ablation")

    def looked_up(_token: str) -> Identity:
        return keys.identify(key)

    track = first(Track.objects.order_by("pk").values_list("pk", flat=True), "track")
    return Trial(client.get(f"tracks/{track}"), replacing(tokens, read=looked_up))
