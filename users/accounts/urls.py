"""Pages of accounts, and avatars."""

from django.conf import settings
from django.urls import path

from users.accounts.views import (
    AcceptInvitationView,
    AvatarView,
    ConfirmEmailAddressView,
    ConfirmEmailView,
    ResendVerificationView,
    VerifyEmailView,
)

urlpatterns = [
    path("verify-email", VerifyEmailView.as_view(), name="verify-email"),
    path("resend-verification", ResendVerificationView.as_view(), name="resend-verification"),
    path("confirm-email", ConfirmEmailView.as_view(), name="confirm-email"),
    path("confirm-email-address", ConfirmEmailAddressView.as_view(), name="confirm-email-address"),
    path("accept-invitation", AcceptInvitationView.as_view(), name="accept-invitation"),
]
if settings.SERVES_MEDIA:
    urlpatterns.append(path("media/<path:name>", AvatarView.as_view(), name="media"))
