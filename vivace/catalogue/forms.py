"""Forms of Django's admin that put nothing back that was changed since they were opened."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest


class SeenForm(forms.ModelForm):  # type: ignore[type-arg]
    """It is sent whole, so it says what it showed: when that was last changed."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen"] = self.instance.updated_at.isoformat()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("seen") and data["seen"] != self.initial.get("seen"):
            raise ValidationError("It has been changed since this page was opened: open it anew")
        return data


class HoldingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What is changed is held until that is through."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not connection.in_atomic_block:
            return found
        return self.model._default_manager.select_for_update().filter(pk=found.pk).first()
