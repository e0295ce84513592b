"""Where every request goes."""

from django.contrib import admin
from django.urls import path

from vivace.api.urls import router

urlpatterns = [router.to_urlpatterns(), path("admin/", admin.site.urls)]

handler400 = "vivace.api.errors.bad_request"
handler403 = "vivace.api.errors.forbidden"
handler404 = "vivace.api.errors.not_found"
handler500 = "vivace.api.errors.server_error"
