"""Reads of users, and their visibility."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from django.contrib.auth.models import Group
from django.core.signing import BadSignature
from django.db import models
from django.db.models import Case, Exists, F, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils import timezone

from core.database.search.texts import has_words, rank
from core.security.actor import Actor
from engine.sql.unindexed_filter import UnindexedFilter
from users.accounts.identifiers import canonical_login, canonical_part
from users.accounts.orders import USER_ORDERS, UserOrderField
from users.scopes import Scope

if TYPE_CHECKING:
    from users.accounts.models import EmailAddress, User


VisibilityRule = Callable[[Actor], Exists]

_visibility_rules: Final[list[VisibilityRule]] = []


def register_visibility_rule(rule: VisibilityRule) -> VisibilityRule:
    """Register the decorated function as a further condition of `UserQuerySet.visible_to`.

    For apps above this one. An index must serve the condition for a single user.
    """
    _visibility_rules.append(rule)
    return rule


class UserQuerySet(models.QuerySet["User"]):
    """Users."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the users whom the actor may see.

        Staff see all users; others those of `findable_by` and of `register_visibility_rule`. An API
        token without the scope `users:read` sees its owner only.
        """
        if not actor.allows(Scope.USERS_READ):
            return self.filter(pk=actor.user_id)
        if actor.is_staff:
            return self
        if not actor.is_authenticated:
            return self.none()
        shown = _findable_by(actor)
        for rule in _visibility_rules:
            shown |= Q(rule(actor))
        return self.matching(shown)

    def findable_by(self, actor: Actor) -> Self:
        """Return the users whom the actor finds in lists and searches.

        Staff find all users; others find themselves and active public users. The rules of
        `register_visibility_rule` do not count: a list would evaluate them for every row.
        """
        return self if actor.is_staff else self.matching(_findable_by(actor))

    def in_order(self, field: UserOrderField, *, descending: bool = False) -> Self:
        """Order by a field; ties by creation."""
        terms = USER_ORDERS[field]
        users = self
        if field is UserOrderField.LAST_SEEN:
            # An inner join, so that the plan can start with the ordering's index.
            users = self.filter(last_seen__isnull=False)
        return users.order_by(*(term.desc() if descending else term.asc() for term in terms))

    def matching(self, condition: Q) -> Self:
        """Filter by a condition that the ordering's index does not serve."""
        return self.filter(UnindexedFilter(condition))

    def matching_words(self, words: Sequence[str], actor: Actor) -> Self:
        """Filter `findable_by` by words in names, for staff also in addresses."""
        condition = has_words(_search_column(actor), [canonical_part(word) for word in words])
        if actor.is_staff:
            return self.matching(condition)
        # As a CASE, so that the planner does not read the index of public users, who may be most.
        is_shown = Case(When(_findable_by(actor), then=True), default=False)
        return self.matching(condition & Q(Exact(is_shown, True)))  # noqa: FBT003 - a value

    def order_by_rank(self, words: Sequence[str], actor: Actor) -> Self:
        """Order by how well the words match; ties by username."""
        words = [canonical_part(word) for word in words]
        return self.order_by(rank(_search_column(actor), words).asc(), F("username").asc())

    def administrators(self) -> Self:
        """Return the active administrators, without service accounts."""
        return self.people().filter(is_superuser=True, is_active=True)

    def people(self) -> Self:
        """Exclude service accounts."""
        return self.filter(is_service=False)

    def services(self) -> Self:
        """Return the service accounts."""
        return self.filter(is_service=True)

    def with_login(self, login: str) -> Self:
        """Find the user by an e-mail address or username in any spelling."""
        identifier = canonical_login(login)
        if "@" in identifier:
            return self.with_address(identifier)
        return self.filter(username=identifier)

    def with_address(self, email: str) -> Self:
        """Find the user by a canonical address, primary or secondary.

        Two subqueries, because an OR across two tables would scan all users.
        """
        users = self.model.objects.order_by()
        by_primary = users.filter(email=email).values("pk")
        by_secondary = users.filter(email_addresses__email=email).values("pk")
        return self.filter(pk=Coalesce(Subquery(by_primary), Subquery(by_secondary)))


def _findable_by(actor: Actor) -> Q:
    return Q(pk=actor.user_id) | Q(is_public=True, is_active=True)


class EmailAddressQuerySet(models.QuerySet["EmailAddress"]):
    """Secondary addresses."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see their own."""
        if actor.is_staff and actor.allows(Scope.USERS_READ):
            return self
        if not (actor.is_authenticated and actor.allows(Scope.PROFILE_READ)):
            return self.none()
        return self.filter(user=actor.user_id)


class MailedLinkQuerySet(models.QuerySet[Any]):
    """Mailed links of one kind."""

    def with_token(self, token: str) -> Self:
        """Find the link of a token; none for a token of another kind."""
        try:
            nonce = UUID(hex=self.model.signer().unsign(token))
        except (BadSignature, ValueError):
            return self.none()
        return self.filter(nonce=nonce)

    def expired(self) -> Self:
        """Return the expired links."""
        return self.filter(expires_at__lte=timezone.now())


def _search_column(actor: Actor) -> str:
    return "private_search_text" if actor.is_staff else "search_text"


def groups_visible_to(actor: Actor, groups: models.QuerySet[Group]) -> models.QuerySet[Group]:
    """Return the groups that the actor may see: all for staff, else the actor's own.

    A token needs the scope `groups:read` or, for the owner's groups, `profile:read`. A function,
    because the model is Django's.
    """
    if actor.is_staff and actor.allows(Scope.GROUPS_READ):
        return groups
    if not (actor.allows(Scope.GROUPS_READ) or actor.allows(Scope.PROFILE_READ)):
        return groups.none()
    return groups.filter(user=actor.user_id) if actor.is_authenticated else groups.none()
