"""Who is asking, and what their role lets them do."""

from typing import Any, Self

from django.conf import settings
from django.http import HttpRequest
from dmr.controller import Controller
from dmr.endpoint import Endpoint
from dmr.metadata import EndpointMetadata
from dmr.openapi.objects import Reference, SecurityRequirement, SecurityScheme
from dmr.security.base import SyncAuth
from dmr.serializer import BaseSerializer

from vivace.accounts.bearer import identify
from vivace.accounts.identity import Identity
from vivace.api.errors import CHALLENGE
from vivace.problems import Forbidden, Unauthenticated


class Bearer(SyncAuth):
    """An access token or API key of at least a role."""

    __slots__ = ("public", "role")

    def __init__(self, role: str = "listener", *, public: bool = False) -> None:
        self.role = role
        self.public = public

    def __call__(self, endpoint: Endpoint, controller: Controller[BaseSerializer]) -> Self:
        identity = identify(controller.request.META.get("HTTP_AUTHORIZATION"))
        controller.request.identity = identity  # type: ignore[attr-defined]
        if identity is None:
            if self.public and settings.PUBLIC_READ:
                return self
            raise Unauthenticated("Log in and send the access token: Authorization: Bearer …")
        if not identity.has(self.role):
            raise Forbidden(f"It takes the role {self.role}, yours is {identity.role}")
        return self

    @property
    def www_authenticate_challenge(self) -> str:
        return CHALLENGE

    def security_schemes(
        self, metadata: EndpointMetadata, controller_cls: type[Controller[BaseSerializer]]
    ) -> dict[str, SecurityScheme | Reference]:
        return {
            "bearer": SecurityScheme(
                type="http",
                scheme="bearer",
                description="An access token from `/auth/login`, or an API key",
            )
        }

    def security_requirements(
        self, metadata: EndpointMetadata, controller_cls: type[Controller[BaseSerializer]]
    ) -> list[SecurityRequirement]:
        nobody: list[SecurityRequirement] = [{}] if self.public and settings.PUBLIC_READ else []
        return [*nobody, {"bearer": []}]


reader = Bearer(public=True)
account = Bearer()
editor = Bearer("editor")
admin = Bearer("admin")


def identity_of(request: HttpRequest) -> Identity | None:
    """Who asks; None for nobody, where that is allowed."""
    found: Any = getattr(request, "identity", None)
    return found if isinstance(found, Identity) else None


NOBODY = 0
"""The id of no account, to whom only what is public is shown."""


def reader_id(request: HttpRequest) -> int:
    """The account that reads, or nobody's id."""
    identity = identity_of(request)
    return identity.account_id if identity else NOBODY


def account_id(request: HttpRequest) -> int:
    """The account that asks, at an endpoint that needs one."""
    identity = identity_of(request)
    if identity is None:
        raise Unauthenticated("It is not known whose this is")
    return identity.account_id
