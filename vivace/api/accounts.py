"""Accounts over HTTP: logging in, oneself, one's keys, and for admins everyone."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from django.db import transaction
from django.db.models import F
from django.http import HttpResponse, HttpResponseBase
from dmr import Path
from msgspec import UNSET, Meta, UnsetType

from vivace.accounts import keys, people, sessions, tokens
from vivace.accounts.addresses import address_of
from vivace.accounts.models import KEY_NAME_LENGTH, ApiKey, User
from vivace.accounts.names import EMAIL_LENGTH, USERNAME_LENGTH, fold_name
from vivace.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import account, account_id, admin
from vivace.api.bodies import Json
from vivace.api.conditional import answer, guard, plain
from vivace.api.controller import Api, no_content
from vivace.api.pages import Page, PageQuery
from vivace.api.parameters import NoParameters, Query
from vivace.api.resources import ROUTE, ById, Collection, path_id
from vivace.catalogue.entries import SHOWN, Body
from vivace.catalogue.filters import having
from vivace.catalogue.listings import MOMENTS, SINCE, TIMES, text_id
from vivace.catalogue.lists import Listing, Row, row_of
from vivace.problems import NotFound

USERS = Listing(
    model=User,
    columns={
        "id": text_id("id"),
        "username": F("username"),
        "email": F("email"),
        "role": F("role"),
        "is_active": F("is_active"),
        **TIMES,
    },
    sorts=MOMENTS,
    filters={
        "username": having(username_key="username"),
        "email": having(email_key="email"),
        **SINCE,
    },
)
KEYS = Listing(
    model=ApiKey,
    columns={
        "id": text_id("id"),
        "name": F("name"),
        "created_at": F("created_at"),
        # A key never changes.
        "updated_at": F("created_at"),
    },
    sorts={"created_at": "created_at"},
    filters={
        "account_id": having(user_id="account_id"),
        "ids": SINCE["ids"],
        "updated_since": having(created_at__gte="updated_since"),
    },
)


def user(row: Row) -> schemas.User:
    id_, username, email, role, is_active, *times = row
    return schemas.User(id_, username, email, role, bool(is_active), *times)


def api_key(row: Row) -> schemas.ApiKey:
    return schemas.ApiKey(*row)


def shown_user(id_: int) -> schemas.User:
    """Raises `NotFound`."""
    found = row_of(USERS, id_)
    if not found:
        raise NotFound("There is no account of that id")
    return user(found)


# --- What may be sent ------------------------------------------------------------------------

HIDDEN = {"format": "password"}
Email = Annotated[
    str, Meta(min_length=3, max_length=EMAIL_LENGTH, extra_json_schema={"format": "email"})
]
Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=USERNAME_LENGTH,
        description="Letters and digits of any script, and the characters . + - _",
        # Of ASCII only these; no pattern that all dialects read alike says what other letters are.
        extra_json_schema={"pattern": r"^[^\x00-*,/:-@\[-^`{-\x7f]+$"},
    ),
]
LoginName = Annotated[
    str, Meta(min_length=1, max_length=EMAIL_LENGTH, description="A username or an e-mail address")
]
Password = Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH, extra_json_schema=HIDDEN)]
NewPassword = Annotated[
    str,
    Meta(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        description="Not a common one, and not much like the names of the account",
        extra_json_schema=HIDDEN,
    ),
]
Token = Annotated[str, Meta(min_length=1, max_length=200)]
KeyName = Annotated[
    str,
    Meta(min_length=1, max_length=KEY_NAME_LENGTH, pattern=SHOWN, description="What it is for"),
]


class Registration(Body):
    email: Email
    username: Username
    password: NewPassword


class Login(Body):
    login: LoginName
    password: Password


class RefreshToken(Body):
    refresh_token: Token


class PasswordChange(Body):
    current_password: Password
    new_password: NewPassword


class KeyInput(Body):
    name: KeyName


class UserChanges(Body):
    """What is absent stays as it is."""

    role: Literal["listener", "editor", "admin"] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class KeyQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] | None = None


class UserQuery(PageQuery):
    username: Annotated[str, Meta(max_length=USERNAME_LENGTH, pattern=r"^[^\x00]*$")] | None = None
    email: Annotated[str, Meta(max_length=EMAIL_LENGTH, pattern=r"^[^\x00]*$")] | None = None
    sort: Literal["created_at", "-created_at", "updated_at", "-updated_at"] | None = None


def secret(content: Any, *, status: int = 200, location: str | None = None) -> HttpResponse:
    """An answer that nothing on its way may keep (RFC 6749, section 5.1)."""
    response = plain(content, status=status, location=location)
    response["Cache-Control"] = "no-store"
    return response


def token_pair(pair: sessions.Pair) -> HttpResponse:
    seconds = tokens.LIFETIME_S
    return secret(schemas.Tokens(pair.access_token, pair.refresh_token, "Bearer", seconds))


# --- Sessions --------------------------------------------------------------------------------


class Register(Api):
    tags = ("accounts",)

    @answers(schemas.User, 403, 409, status=201, etag=True, auth=None, operation_id="register")
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[Registration]
    ) -> HttpResponse:
        """Make an account, where registration is open."""
        made = people.register(parsed_body.email, parsed_body.username, parsed_body.password)
        content = shown_user(made.pk)
        return answer(self.request, content, status=201, location=f"{ROUTE}/me")


class LogIn(Api):
    tags = ("accounts",)

    @answers(schemas.Tokens, 401, 429, auth=None, operation_id="logIn")
    def post(self, parsed_query: Query[NoParameters], parsed_body: Json[Login]) -> HttpResponse:
        """Begin a session."""
        address = address_of(self.request.META)
        return token_pair(sessions.log_in(parsed_body.login, parsed_body.password, address))


class Refresh(Api):
    tags = ("accounts",)

    @answers(schemas.Tokens, 401, auth=None, operation_id="refreshTokens")
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[RefreshToken]
    ) -> HttpResponse:
        """Carry a session on. A refresh token is for one use."""
        return token_pair(sessions.refresh(parsed_body.refresh_token))


class LogOut(Api):
    tags = ("accounts",)

    @answers(None, status=204, auth=None, operation_id="logOut")
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[RefreshToken]
    ) -> HttpResponse:
        """End a session."""
        sessions.log_out(parsed_body.refresh_token)
        return no_content()


# --- Oneself ---------------------------------------------------------------------------------


class Me(Api):
    tags = ("accounts",)

    @answers(schemas.User, etag=True, auth=[account])
    def get(self, parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show one's own account."""
        found = people.active(account_id(self.request))
        return answer(self.request, shown_user(found.pk))


class MyPassword(Api):
    tags = ("accounts",)

    @answers(None, 429, status=204, auth=[account], operation_id="changePassword")
    def post(
        self, parsed_query: Query[NoParameters], parsed_body: Json[PasswordChange]
    ) -> HttpResponse:
        """Change one's password, which ends all of one's sessions."""
        people.change_password(
            account_id(self.request),
            parsed_body.current_password,
            parsed_body.new_password,
            address_of(self.request.META),
        )
        return no_content()


class MyKeys(Collection):
    tags = ("accounts",)

    @answers(Page[schemas.ApiKey], etag=True, auth=[account])
    def get(self, parsed_query: Query[KeyQuery]) -> HttpResponseBase:
        """List one's API keys."""
        owner = account_id(self.request)
        return self.listed(KEYS, parsed_query, api_key, account_id=owner)

    # Without Idempotency-Key: to answer again it would have to keep the key as it is.
    @answers(schemas.NewApiKey, status=201, auth=[account])
    def post(self, parsed_query: Query[NoParameters], parsed_body: Json[KeyInput]) -> HttpResponse:
        """Make an API key, which is shown only now."""
        made, text = keys.create(account_id(self.request), parsed_body.name)
        content = schemas.NewApiKey(str(made.pk), made.name, made.created_at, made.created_at, text)
        return secret(content, status=201, location=f"{ROUTE}/me/api-keys/{made.pk}")


class MyKey(Api):
    tags = ("accounts",)

    @answers(None, 404, status=204, auth=[account])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Delete an API key of one's own."""
        keys.delete(account_id(self.request), path_id(parsed_path.id))
        return no_content()


# --- Everyone --------------------------------------------------------------------------------


class Users(Collection):
    tags = ("users",)

    @answers(Page[schemas.User], etag=True, auth=[admin])
    def get(self, parsed_query: Query[UserQuery]) -> HttpResponseBase:
        """List accounts. `username` and `email` are whole, in any case."""
        asked = {"username": parsed_query.username, "email": parsed_query.email}
        folded = {name: fold_name(text) for name, text in asked.items() if text}
        return self.listed(USERS, msgspec.structs.replace(parsed_query, **folded), user)


class OneUser(Api):
    tags = ("users",)

    @answers(schemas.User, 404, etag=True, auth=[admin])
    def get(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Show an account."""
        return answer(self.request, shown_user(path_id(parsed_path.id)))

    @answers(schemas.User, 404, 412, etag=True, auth=[admin])
    def patch(
        self,
        parsed_path: Path[ById],
        parsed_query: Query[NoParameters],
        parsed_body: Json[UserChanges],
    ) -> HttpResponse:
        """Change an account's role, or whether it is active. Either ends its sessions."""
        changes = {
            name: value
            for name, value in msgspec.structs.asdict(parsed_body).items()
            if value is not UNSET
        }
        with transaction.atomic():
            user_id, check = self.named(parsed_path)
            people.change(user_id, by=account_id(self.request), check=check, **changes)
            return answer(self.request, shown_user(user_id))

    @answers(None, 404, 412, status=204, auth=[admin])
    def delete(self, parsed_path: Path[ById], parsed_query: Query[NoParameters]) -> HttpResponse:
        """Delete an account with its playlists, favourites and keys."""
        user_id, check = self.named(parsed_path)
        people.delete(user_id, by=account_id(self.request), check=check)
        return no_content()

    def named(self, path: ById) -> tuple[int, Callable[[], None]]:
        """The id, and what checks that its account is still the one that If-Match names."""
        user_id = path_id(path.id)
        return user_id, lambda: guard(self.request, lambda: shown_user(user_id))
