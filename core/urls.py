"""The URLs of the service."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from core.web.brand import stylesheet
from core.web.pages import done

handler500 = "core.web.outages.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="graphql")),
    path("", include("schema.urls")),
    path("", include("users.accounts.urls")),
    path("", include("users.authentication.urls")),
    path("", include("users.organizations.urls")),
    path("", include("users.privacy.urls")),
    path("done", done, name="done"),
    path("brand/<slug:color>.css", stylesheet, name="brand"),
    path("admin/", admin.site.urls),
]
if settings.MAIL_WEBHOOKS:
    urlpatterns.append(path("mail/webhooks/", include("core.web.mail_webhooks")))
if settings.DEMO_MAILBOX:
    urlpatterns.append(path("dev/mail/", include("core.dev.inbox.urls")))
