"""The GraphQL endpoint."""

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from schema.http.view import GraphQLView

urlpatterns = [path("graphql", csrf_exempt(GraphQLView.as_view()), name="graphql")]
