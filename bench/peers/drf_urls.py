"""Django REST framework on Roster's models: ModelSerializers, two statements a page, orjson."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.urls import path
from jwt import InvalidTokenError
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.filters import SearchFilter
from rest_framework.generics import CreateAPIView, ListAPIView, RetrieveAPIView, UpdateAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from bench.peers.on_django import create_user, session_users
from users.accounts.models import Profile, User
from users.organizations.models import Membership

COLUMNS = ("id", "username", "name", "email", "profile__bio", "profile__website")


class GroupSerializer(ModelSerializer):
    """A group."""

    class Meta:
        """Readable fields."""

        model = Group
        fields = ("name",)


class ProfileSerializer(ModelSerializer):
    """A user's profile."""

    class Meta:
        """Readable and writable fields."""

        model = Profile
        fields = ("bio", "website")


class UserSerializer(ModelSerializer):
    """A user with profile and groups."""

    profile = ProfileSerializer(read_only=True)
    groups = GroupSerializer(many=True, read_only=True)

    class Meta:
        """Readable fields."""

        model = User
        fields = ("id", "username", "name", "email", "profile", "groups")


class MemberSerializer(ModelSerializer):
    """A user as shown to members of an organisation."""

    profile = ProfileSerializer(read_only=True)

    class Meta:
        """Readable fields."""

        model = User
        fields = ("id", "username", "name", "profile")


class MembershipSerializer(ModelSerializer):
    """A user's role in an organisation."""

    user = MemberSerializer(read_only=True)

    class Meta:
        """Readable fields."""

        model = Membership
        fields = ("role", "created_at", "user")


class MeSerializer(ModelSerializer):
    """The signed-in user."""

    class Meta:
        """Readable fields."""

        model = User
        fields = ("id",)


class NewUserSerializer(ModelSerializer):
    """A user to create."""

    class Meta:
        """Readable and writable fields."""

        model = User
        fields = ("id", "username", "email", "name", "password")
        extra_kwargs = {"password": {"write_only": True}}  # noqa: RUF012 - DRF's declaration

    def create(self, validated_data: dict[str, Any]) -> User:
        """Create a user with a password."""
        return create_user(**validated_data)


class Pages(CursorPagination):
    """Keyset pages by the primary key."""

    page_size = 50
    ordering: str | tuple[str, ...] = "id"


class MemberPages(Pages):
    """Keyset pages by the start of the membership."""

    ordering = ("created_at", "id")


class UserList(ListAPIView):
    """Pages of users, all or by a search."""

    queryset = User.objects.select_related("profile").prefetch_related("groups").only(*COLUMNS)
    serializer_class = UserSerializer
    pagination_class = Pages
    filter_backends = (SearchFilter,)
    search_fields = ("username", "name", "email")


class UserDetail(RetrieveAPIView):
    """One user."""

    queryset = UserList.queryset
    serializer_class = UserSerializer


class Members(ListAPIView):
    """Pages of an organisation's members."""

    serializer_class = MembershipSerializer
    pagination_class = MemberPages

    def get_queryset(self) -> QuerySet[Membership]:
        """Return memberships joined with users and profiles."""
        return (
            Membership.objects.filter(organization=self.kwargs["pk"])
            .select_related("user__profile")
            .only("role", "created_at", *(f"user__{column}" for column in COLUMNS))
        )


class Count(APIView):
    """The number of users."""

    def get(self, _request: Request, **_kwargs: Any) -> Response:
        """Return the count."""
        return Response({"count": User.objects.count()})


class ChangeProfile(UpdateAPIView):
    """Updates of a profile."""

    queryset = Profile.objects.all()
    serializer_class = ProfileSerializer


class SessionAuthentication(BaseAuthentication):
    """Sessions by bearer token."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the session's user. Raises `AuthenticationFailed`."""
        try:
            return session_users(request.headers.get("Authorization", "")).get(), None
        except (InvalidTokenError, User.DoesNotExist) as error:
            raise AuthenticationFailed from error


class Me(RetrieveAPIView):
    """The signed-in user."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = (IsAuthenticated,)
    serializer_class = MeSerializer

    def get_object(self) -> User:
        """Return the user of the request's session."""
        user: User = self.request.user
        return user


class CreateUser(CreateAPIView):
    """New users."""

    serializer_class = NewUserSerializer


urlpatterns = [
    path("me", Me.as_view()),
    path("users", UserList.as_view()),
    path("users/count", Count.as_view()),
    path("users/new", CreateUser.as_view()),
    path("users/<uuid:pk>", UserDetail.as_view()),
    path("organizations/<uuid:pk>/members", Members.as_view()),
    path("profiles/<uuid:pk>", ChangeProfile.as_view()),
]
