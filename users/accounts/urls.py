"""Pages about accounts."""

from django.urls import path

from users.accounts.views import VerifyEmailView

urlpatterns = [path("verify-email", VerifyEmailView.as_view(), name="verify-email")]
