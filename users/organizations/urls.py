"""Pages of organisations."""

from django.urls import path

from users.organizations.views import JoinOrganizationView

urlpatterns = [
    path("join-organization", JoinOrganizationView.as_view(), name="join-organization"),
]
