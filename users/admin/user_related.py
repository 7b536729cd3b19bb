"""The base of pages of rows that belong to users; their search finds users."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.database.ids import is_id
from core.database.search.texts import words_of
from core.errors import ArgumentInvalidError
from users.accounts.identifiers import canonical_login
from users.accounts.models import User, UserQuerySet
from users.accounts.policy import may_administer
from users.admin.base import RosterAdmin, actor_of
from users.admin.filters import RelatedFilter, filter_unindexed


class UserRelatedAdmin(RosterAdmin):
    """The page of rows that belong to one user each.

    The search is the API's and matches the users: words in any order, served by a trigram index.
    """

    user_field = "user_id"
    # Django shows the search box only if there are fields; `get_search_results` ignores them.
    search_fields: ClassVar[tuple[str, ...]] = ("user__username",)
    search_help_text = _("Name, username, e-mail address or id")
    list_select_related: ClassVar[bool | tuple[str, ...]] = ("user",)

    def has_administer_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer an action to administrators."""
        return may_administer(actor_of(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by id or whole e-mail address, otherwise by words of names and addresses."""
        term, actor = search_term.replace("\0", "").strip(), actor_of(request)
        if not term:
            return queryset, False
        user_id = find_user_id(term)
        if user_id:
            return queryset.filter(**{self.user_field: user_id}), False
        try:
            words = words_of(term)
        except ArgumentInvalidError:
            return queryset.none(), False
        if isinstance(queryset, UserQuerySet):
            return queryset.matching_words(words, actor), False
        users = User.objects.matching_words(words, actor)
        owner = Exists(users.filter(pk=OuterRef(self.user_field)))
        return filter_unindexed(queryset, Q(owner)), False


def find_user_id(term: str) -> UUID | None:
    """Return the id of the user whom a whole id or e-mail address identifies."""
    if is_id(term):
        return UUID(term)
    login = canonical_login(term)
    found = User.objects.with_address(login) if "@" in login else User.objects.none()
    return found.values_list("pk", flat=True).first()


class OnePerUserAdmin(UserRelatedAdmin):
    """The page of a model with at most one row per user."""

    list_filter: ClassVar[tuple[Any, ...]] = (("user", RelatedFilter),)
    ordering = ("user__username",)
    sortable_by: ClassVar[tuple[str, ...]] = ("user",)
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Make the user of an existing row read-only."""
        return ("user",) if obj else ()
