"""What Schemathesis may be refused though the document allows it, and why: its hooks.

A document can say how a request looks and not what is known, what was read before or which
password is whose. Only these refusals are passed over, each by its cause and not by the
operation: any other refusal of valid data is a failure, at these operations too.
"""

from collections.abc import Callable
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData

Case = schemathesis.Case[Any]

PASSWORDS = {"/password", "/current_password", "/new_password"}


def is_made_up_cursor(case: Case, status: int, blamed: set[str]) -> bool:
    """A cursor is signed; one that was not made here for this list is refused.

    With a cursor an offset has no meaning, which a schema cannot say of two parameters.
    """
    return status == 400 and "cursor" in case.query and blamed <= {"cursor", "offset"}


def is_made_up_etag(case: Case, status: int, blamed: set[str]) -> bool:
    """If-Match exists to be refused where it does not name what is there."""
    return status == 412 and "If-Match" in case.headers


def is_used_key(case: Case, status: int, blamed: set[str]) -> bool:
    """Schemathesis sends the same short Idempotency-Key with different requests."""
    return status == 422 and "Idempotency-Key" in case.headers


def is_bad_password(case: Case, status: int, blamed: set[str]) -> bool:
    """It is not the one of this account, or it is a common one, or like the account's name."""
    return status == 400 and bool(blamed) and blamed <= PASSWORDS


def is_odd_username(case: Case, status: int, blamed: set[str]) -> bool:
    """Letters and digits of all scripts may stand in it, and patterns cannot name those alike."""
    return status == 400 and "/username" in blamed and blamed <= {"/username", *PASSWORDS}


def is_no_rows(case: Case, status: int, blamed: set[str]) -> bool:
    """Any text is allowed as a file by its type; one that has no rows at all is refused."""
    return status == 400 and case.operation.path.endswith("/imports") and not blamed


Refusal = Callable[[Case, int, set[str]], bool]
REFUSALS: tuple[Refusal, ...] = (
    is_made_up_cursor,
    is_made_up_etag,
    is_used_key,
    is_bad_password,
    is_odd_username,
    is_no_rows,
)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: Case,
    response: Response,
) -> bool:
    if not isinstance(failure, RejectedPositiveData):
        return True
    blamed = faults_of(response)
    return not any(refusal(case, response.status_code, blamed) for refusal in REFUSALS)


def faults_of(response: Response) -> set[str]:
    """The pointers and parameters that the problem document blames."""
    faults: list[dict[str, str]] = response.json().get("errors", [])
    return {fault.get("pointer") or fault.get("parameter") or "" for fault in faults}


@schemathesis.serializer("application/x-ndjson")
def json_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """The text as it is: Schemathesis knows how to send text only as text/…"""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
