"""The GraphQL endpoint."""

from django.urls import path

from schema.view import GraphQLView

urlpatterns = [path("graphql", GraphQLView.as_view(), name="graphql")]
