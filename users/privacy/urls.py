"""Pages of deletions and exports."""

from django.urls import path

from users.privacy.views import CancelDeletionView, DataExportView

urlpatterns = [
    path("cancel-deletion", CancelDeletionView.as_view(), name="cancel-deletion"),
    path("data-export", DataExportView.as_view(), name="data-export"),
]
