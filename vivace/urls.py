"""Where every request goes."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from vivace.api import documents, health
from vivace.api.urls import router

urlpatterns = [
    router.to_urlpatterns(),
    path("api/openapi.json", documents.openapi_json),
    path("api/docs", documents.docs),
    path("api/docs/problems", documents.problem_docs),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", health.metrics),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]

handler400 = "vivace.api.errors.bad_request"
handler403 = "vivace.api.errors.forbidden"
handler404 = "vivace.api.errors.not_found"
handler500 = "vivace.api.errors.server_error"
