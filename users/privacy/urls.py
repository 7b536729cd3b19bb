"""Pages about privacy."""

from django.urls import path

from users.privacy.views import CancelDeletionView

urlpatterns = [
    path("cancel-deletion", CancelDeletionView.as_view(), name="cancel-deletion"),
]
