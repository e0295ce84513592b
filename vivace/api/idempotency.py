"""Idempotency keys: a POST sent again has the same answer and makes nothing twice.

Follows draft-ietf-httpapi-idempotency-key-header. The answer is kept in the transaction that
makes the object, so there is never one without the other. Only an import's is kept after its own:
where its process ends between the two, the file is read again, whose rows are then there.
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any, Concatenate, ParamSpec, cast

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from vivace.accounts import people
from vivace.api.auth import identity_of
from vivace.api.models import KeptAnswer
from vivace.catalogue import caching
from vivace.problems import Conflict, Fault, Invalid, KeyReused

HEADER = "HTTP_IDEMPOTENCY_KEY"
KEY_LENGTH = 255
KEPT_FOR = timedelta(hours=24)

ABANDONED_AFTER = timedelta(minutes=5)
"""A request that has run for longer died with its process: its key is free again."""
IMPORT_ABANDONED_AFTER = timedelta(minutes=20)
"""Behind Gunicorn one may run for a quarter of an hour (`VIVACE_SECONDS`)."""

UNFREED: set[tuple[int, datetime]] = set()
"""Rows of requests that failed, by id and start, where the database then did not answer."""

KEPT_HEADERS = ("Content-Type", "ETag", "Location")

P = ParamSpec("P")


def idempotent(
    post: Callable[Concatenate[Any, P], HttpResponse],
) -> Callable[Concatenate[Any, P], HttpResponse]:
    """An endpoint that honours `Idempotency-Key`, per account, for 24 hours."""

    @wraps(post)
    def once(controller: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: HttpRequest = controller.request
        identity, key = identity_of(request), request.META.get(HEADER)
        if key is None or identity is None:
            return post(controller, *args, **kwargs)
        fingerprint = fingerprint_of(request, request.body)
        return kept(
            identity.account_id,
            checked(key),
            fingerprint,
            lambda: post(controller, *args, **kwargs),
        )

    once.keeps_answers = True  # type: ignore[attr-defined]
    return cast("Callable[Concatenate[Any, P], HttpResponse]", once)


def checked(key: str) -> str:
    if not 0 < len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Invalid(
            f"Idempotency-Key is 1 to {KEY_LENGTH} printable ASCII characters",
            errors=[Fault("is not a key", parameter="Idempotency-Key")],
        )
    return key


def fingerprint_of(request: HttpRequest, body: bytes) -> bytes:
    # The path as it was understood: without a slash at its end.
    told = f"{request.method} {request.get_full_path_info()} {request.content_type}\0"
    return sha256(told.encode() + body).digest()


def kept(
    account_id: int,
    key: str,
    fingerprint: bytes,
    make: Callable[[], HttpResponse],
    *,
    together: bool = True,
) -> HttpResponse:
    """The answer kept under a key, or a new one that is then kept.

    Raises `KeyReused` where the key stands for another request, and `Conflict` where that
    request is still running. A request that fails leaves its key free; one that fails as the
    database goes away, as soon as this process is asked with any key again. `together` has the
    answer kept in the transaction of what it makes; an import has its own.
    """
    for row in [*UNFREED]:
        free(*row)
    abandoned_after = ABANDONED_AFTER if together else IMPORT_ABANDONED_AFTER
    found = claim(account_id, key, fingerprint, abandoned_after)
    if found.status is not None:
        if connection.vendor == "postgresql":
            # The first may have committed this moment, and wait for this before it says so.
            caching.outlast_leases()
        return replay(found)
    mine = KeptAnswer.objects.filter(pk=found.pk, started_at=found.started_at)
    try:
        with transaction.atomic() if together else nullcontext():
            response = make()
            headers = {name: response[name] for name in KEPT_HEADERS if name in response}
            answer = {"headers": headers, "body": response.content}
            if not mine.update(status=response.status_code, **answer) and together:
                # It was taken for abandoned, and what it made would be made twice.
                raise Conflict("Another request with this key has taken its place")
    except BaseException:
        UNFREED.add((found.pk, found.started_at))
        with suppress(OperationalError, InterfaceError):
            free(found.pk, found.started_at)
        raise
    return response


def free(id_: int, started_at: datetime) -> None:
    # Not one that has its answer: what is raised after the commit undoes nothing.
    KeptAnswer.objects.filter(pk=id_, started_at=started_at, status=None).delete()
    UNFREED.discard((id_, started_at))


def claim(account_id: int, key: str, fingerprint: bytes, abandoned_after: timedelta) -> KeptAnswer:
    """The row of a key: this request's own, still to be run, or the one with its answer.

    Raises `Unauthenticated` where the account has gone.
    """
    now = timezone.now()
    KeptAnswer.objects.filter(started_at__lt=now - KEPT_FOR).delete()
    rows = KeptAnswer.objects.filter(account_id=account_id, key=key)
    try:
        with transaction.atomic():
            return rows.create(
                account_id=account_id, key=key, fingerprint=fingerprint, started_at=now
            )
    except IntegrityError:
        found = rows.first()
    if found is None:
        # The account has gone, or the request with this key failed between our two looks.
        people.active(account_id)
        return claim(account_id, key, fingerprint, abandoned_after)
    if bytes(found.fingerprint) != fingerprint:
        raise KeyReused("This Idempotency-Key was sent with another request")
    if found.status is None:
        # Of several that find it abandoned, the one whose update meets the old start has it.
        abandoned = rows.filter(started_at=found.started_at, started_at__lt=now - abandoned_after)
        if not abandoned.update(started_at=now):
            raise Conflict(
                "The first request with this key is running", headers={"Retry-After": "1"}
            )
        found.started_at = now
    return found


def replay(found: KeptAnswer) -> HttpResponse:
    response = HttpResponse(bytes(found.body), status=found.status)
    del response["Content-Type"]
    for name, text in found.headers.items():
        response[name] = text
    response["Idempotency-Replayed"] = "true"
    return response
