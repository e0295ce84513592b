"""What can be wrong with a request, in words for whoever made it.

Raised where the fact is known; `api/errors.py` turns each into an RFC 9457 problem document and
the commands into one line.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

MAX_FAULTS = 100
"""So many things that are wrong with one request are told at most."""


class Fault(msgspec.Struct, omit_defaults=True, frozen=True):
    """One thing that is wrong, and where: in the body (a JSON pointer) or a parameter."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(Exception):  # noqa: N818 what RFC 9457 calls it
    """A request that cannot be served. Subclasses give the status and a stable code."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"
    title: ClassVar[str] = "The request is not valid"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


class Invalid(Problem):
    pass


class Unauthenticated(Problem):
    status = 401
    code = "unauthenticated"
    title = "It is not known who is asking"


class Forbidden(Problem):
    status = 403
    code = "forbidden"
    title = "This account may not do that"


class NotFound(Problem):
    status = 404
    code = "not_found"
    title = "There is nothing here"


class MethodNotAllowed(Problem):
    status = 405
    code = "method_not_allowed"
    title = "This cannot be done here"


class NotAcceptable(Problem):
    status = 406
    code = "not_acceptable"
    title = "The answer does not come in that form"


class Conflict(Problem):
    status = 409
    code = "conflict"
    title = "It contradicts what is there"


class LengthRequired(Problem):
    status = 411
    code = "length_required"
    title = "The length of the body must be stated"


class PreconditionFailed(Problem):
    status = 412
    code = "precondition_failed"
    title = "It has changed since it was read"


class TooLarge(Problem):
    status = 413
    code = "too_large"
    title = "The body is too large"


class UnsupportedMediaType(Problem):
    status = 415
    code = "unsupported_media_type"
    title = "The body is not in a form that is read here"


class KeyReused(Problem):
    status = 422
    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"


class TooManyRequests(Problem):
    status = 429
    code = "too_many_requests"
    title = "Too many tries"


class InternalError(Problem):
    status = 500
    code = "internal_error"
    title = "Something is broken here"


class Unavailable(Problem):
    status = 503
    code = "unavailable"
    title = "It cannot be done right now"


KINDS: tuple[type[Problem], ...] = tuple(Problem.__subclasses__())
"""Every kind of problem that clients are told of."""
