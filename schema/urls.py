"""The GraphQL endpoint, and its schema."""

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from schema.http.sdl import sdl
from schema.http.view import GraphQLView

urlpatterns = [
    path("graphql", csrf_exempt(GraphQLView.as_view()), name="graphql"),
    path("schema.graphql", sdl, name="sdl"),
]
