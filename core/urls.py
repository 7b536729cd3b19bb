"""The URLs of the service."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="graphql")),
    path("", include("schema.urls")),
    path("", include("users.accounts.urls")),
    path("", include("users.authentication.urls")),
    path("", include("users.organizations.urls")),
    path("", include("users.privacy.urls")),
    path("admin/", admin.site.urls),
]
if settings.DEMO_MAILBOX:
    urlpatterns.append(path("dev/mail/", include("core.dev.inbox.urls")))
