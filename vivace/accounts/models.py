"""Who may do what: people, their sessions and their keys."""

import hashlib
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models import Q
from django.utils import timezone

from vivace.accounts.names import (
    EMAIL_LENGTH,
    USERNAME_LENGTH,
    check_username,
    fold_name,
    key_of,
)
from vivace.catalogue.fields import MomentField

DIGEST_LENGTH = 64  # SHA-256 in hexadecimal
KEY_NAME_LENGTH = 150
TAKEN = "Another account has it"


def digest(secret: str) -> str:
    """What is kept of a token or key. Of 256 random bits one fast hash is enough: they cannot be
    guessed, salted or not."""
    return hashlib.sha256(secret.encode()).hexdigest()


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, username: str, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """A stored account, nothing checked; without a password, one that cannot log in."""
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, username: str, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        return self.create_user(username, email, password, role=User.Role.ADMIN, **fields)

    def named(self, login: str) -> "User | None":
        """The account with this username or e-mail address, however it is spelled."""
        column, key = key_of(login)
        return self.filter(**{column: key}).first()


class User(AbstractBaseUser):
    """An account. Its role says all that it may do, in the API and in Django's admin."""

    class Role(models.TextChoices):
        LISTENER = "listener"
        EDITOR = "editor"
        ADMIN = "admin"

    username = models.CharField(
        max_length=USERNAME_LENGTH,
        unique=True,
        validators=[check_username],
        help_text="Letters, digits and the characters . + - _",
    )
    email = models.CharField("e-mail", max_length=EMAIL_LENGTH, validators=[validate_email])
    # Databases differ in what they call the same letter: SQLite knows only the cases of ASCII.
    username_key = models.TextField(editable=False)
    email_key = models.TextField(editable=False)
    role = models.CharField(max_length=10, choices=Role, default=Role.LISTENER)
    is_active = models.BooleanField("active", default=True)
    created_at = MomentField(default=timezone.now, editable=False)
    updated_at = MomentField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["username_key"], name="user_username_unique"),
            models.UniqueConstraint(fields=["email_key"], name="user_email_unique"),
            # A login with an @ is an address, any other a username.
            models.CheckConstraint(condition=~Q(username__contains="@"), name="user_username_at"),
            models.CheckConstraint(
                condition=Q(role__in=["listener", "editor", "admin"]), name="user_role_known"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="user_by_created"),
            models.Index(fields=["updated_at", "id"], name="user_by_updated"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.username_key = fold_name(self.username)
        self.email_key = fold_name(self.email)
        if self._password is not None and not self._state.adding:  # type: ignore[attr-defined]
            # Django's forms for passwords would put the rest back as it was before the hashing.
            kwargs.setdefault("update_fields", ["password", "updated_at"])
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        self.email = User.objects.normalize_email(self.email)
        if taken := self.names_taken():
            raise ValidationError(dict.fromkeys(taken, TAKEN))

    def names_taken(self) -> list[str]:
        """Which of `email` and `username` another account has."""
        others = User.objects.exclude(pk=self.pk)
        # A form leaves None where it has refused a value already.
        given = {"email": self.email or "", "username": self.username or ""}
        return [
            name
            for name, text in given.items()
            if others.filter(**{f"{name}_key": fold_name(text)}).exists()
        ]

    @property
    def is_staff(self) -> bool:
        return self.role == User.Role.ADMIN

    @property
    def is_superuser(self) -> bool:
        return self.role == User.Role.ADMIN

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and self.is_superuser

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_superuser


class RefreshToken(models.Model):
    """A refresh token that still counts. What the holder has is in `sessions.py`.

    A family is one login and what it was renewed to. Changing an account's password, role or
    activity deletes its rows, whoever changes it: a trigger (`migrations/0002_end_sessions.py`).
    """

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="refresh_tokens", db_index=False
    )
    family = models.CharField(max_length=22)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    expires_at = MomentField()
    used_at = MomentField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["family"], name="refresh_token_by_family"),
            models.Index(fields=["user", "expires_at"], name="refresh_token_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.family} of {self.user_id}"


class ApiKey(models.Model):
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_keys", db_index=False
    )
    name = models.CharField(max_length=KEY_NAME_LENGTH)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    created_at = MomentField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "API key"
        constraints = [models.UniqueConstraint(fields=["digest"], name="api_key_digest_unique")]
        indexes = [models.Index(fields=["user", "created_at", "id"], name="api_key_of_user")]

    def __str__(self) -> str:
        return self.name


class Tries(models.Model):
    """How often something limited was tried, where there is no Redis to count in."""

    subject = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    resets_at = models.BigIntegerField(help_text="Seconds since 1970")

    class Meta:
        verbose_name_plural = "tries"
        indexes = [models.Index(fields=["resets_at"], name="tries_by_reset")]

    def __str__(self) -> str:
        return f"{self.count} until {self.resets_at}"
