"""Accounts in Django's admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction

from vivace.accounts.models import ApiKey, User
from vivace.catalogue.forms import HoldingAdmin, SeenForm

# A role is all that an account may do.
admin.site.unregister(Group)


class AccountForm(SeenForm, UserChangeForm):  # type: ignore[type-arg]
    pass


@admin.register(User)
class AccountAdmin(HoldingAdmin, UserAdmin):  # type: ignore[type-arg]
    form = AccountForm
    list_display = ("username", "email", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    ordering = ("username_key",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("username", "email", "password")}),
        (None, {"fields": ("role", "is_active")}),
        (None, {"fields": ("last_login", "created_at", "updated_at", "seen")}),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "email", "role", "usable_password", "password1", "password2")},
        ),
    )

    def user_change_password(self, *args: Any, **kwargs: Any) -> Any:
        # In which `get_object` holds the account: to have no password writes all of it.
        with transaction.atomic():
            return super().user_change_password(*args, **kwargs)


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To be looked through and deleted: a key made here would be shown to nobody."""

    list_display = ("name", "user", "created_at")
    search_fields = ("name", "user__username")
    list_select_related = ("user",)
    fields = ("name", "user", "created_at")
    readonly_fields = fields

    def has_add_permission(self, request: object) -> bool:
        return False
