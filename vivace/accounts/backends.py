"""How people log in to Django's admin: as in the API, by the same limit."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from vivace.accounts import logins
from vivace.accounts.addresses import address_of
from vivace.accounts.models import User
from vivace.problems import TooManyRequests, Unavailable


class Limited(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> User | None:
        if username is None or password is None or request is None:
            return None
        try:
            account = logins.authenticate(username, password, address_of(request.META))
        except (TooManyRequests, Unavailable) as error:
            raise PermissionDenied from error
        if account is None:
            return None
        # Read anew with a changed password, it would get a session that outlives the change.
        return User.objects.filter(pk=account.id, password=account.password).first()

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
