"""URLs of authentication."""

from django.urls import path

from users.authentication.views import jwks

urlpatterns = [path(".well-known/jwks.json", jwks, name="jwks")]
