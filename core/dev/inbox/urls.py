"""URLs of the demo's inbox, mounted at /dev/mail/ in demo mode only."""

from django.urls import path

from core.dev.inbox.views import mail, mails

urlpatterns = [
    path("", mails, name="inbox"),
    path("<str:key>", mail, name="inbox-mail"),
]
