"""Routes of the JWK Set and the password reset pages."""

from django.urls import path

from users.authentication.views import (
    ForgotPasswordView,
    ResetPasswordView,
    UndoEmailChangeView,
    jwks,
)

urlpatterns = [
    path(".well-known/jwks.json", jwks, name="jwks"),
    path("forgot-password", ForgotPasswordView.as_view(), name="forgot-password"),
    path("reset-password", ResetPasswordView.as_view(), name="reset-password"),
    path("undo-email-change", UndoEmailChangeView.as_view(), name="undo-email-change"),
]
