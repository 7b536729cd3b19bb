"""Reads of people, and who may see whom."""

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
    """Register the decorated function, which says whom else an actor sees.

    Apps above this one know why people see one another. The condition must be one that an index
    answers for a single person.
    """
    _visibility_rules.append(rule)
    return rule


class UserQuerySet(models.QuerySet["User"]):
    """People."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see everybody; others see whom they find, and whom `register_visibility_rule` adds.

        Through a token that is not for people one sees oneself alone.
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
        """Staff find everybody; others find themselves and active people who chose to be public.

        This is for lists of all people, which would ask each of them for
        `register_visibility_rule`.
        """
        return self if actor.is_staff else self.matching(_findable_by(actor))

    def in_order(self, field: UserOrderField, *, descending: bool = False) -> Self:
        """Order people; those who are equal in the field, by when they came."""
        terms = USER_ORDERS[field]
        people = self
        if field is UserOrderField.LAST_SEEN:
            # An inner join, which can begin with the index of what is ordered by.
            people = self.filter(last_seen__isnull=False)
        return people.order_by(*(term.desc() if descending else term.asc() for term in terms))

    def matching(self, condition: Q) -> Self:
        """Those who meet a condition, in whatever order they are."""
        return self.filter(UnindexedFilter(condition))

    def matching_words(self, words: Sequence[str], actor: Actor) -> Self:
        """Those of `findable_by` in whose names are all the words; for staff, also in addresses."""
        condition = has_words(_search_column(actor), [canonical_part(word) for word in words])
        if actor.is_staff:
            return self.matching(condition)
        # In this form no index of public people is read, which may be most of them.
        is_shown = Case(When(_findable_by(actor), then=True), default=False)
        return self.matching(condition & Q(Exact(is_shown, True)))  # noqa: FBT003 - a value

    def order_by_rank(self, words: Sequence[str], actor: Actor) -> Self:
        """Order people by how well the words match; those who are equal, by username."""
        words = [canonical_part(word) for word in words]
        return self.order_by(rank(_search_column(actor), words).asc(), F("username").asc())

    def administrators(self) -> Self:
        """Those who may do everything; a program does not count."""
        return self.people().filter(is_superuser=True, is_active=True)

    def people(self) -> Self:
        """Those who are people."""
        return self.filter(is_service=False)

    def services(self) -> Self:
        """Those who are programs."""
        return self.filter(is_service=True)

    def with_login(self, login: str) -> Self:
        """Find the person by an e-mail address or username, in whatever form it is typed."""
        identifier = canonical_login(login)
        if "@" in identifier:
            return self.with_address(identifier)
        return self.filter(username=identifier)

    def with_address(self, email: str) -> Self:
        """Find the person who has an address, in canonical form, as the primary or another one.

        An `or` of two tables would be answered by reading all people.
        """
        people = self.model.objects.order_by()
        owner = people.filter(email=email).values("pk")
        other = people.filter(email_addresses__email=email).values("pk")
        return self.filter(pk=Coalesce(Subquery(owner), Subquery(other)))


def _findable_by(actor: Actor) -> Q:
    return Q(pk=actor.user_id) | Q(is_public=True, is_active=True)


class EmailAddressQuerySet(models.QuerySet["EmailAddress"]):
    """Addresses beside the primary ones."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see everybody's; others see their own."""
        if actor.is_staff and actor.allows(Scope.USERS_READ):
            return self
        if not (actor.is_authenticated and actor.allows(Scope.PROFILE_READ)):
            return self.none()
        return self.filter(user=actor.user_id)


class MailedLinkQuerySet(models.QuerySet[Any]):
    """Links in mails, of one kind."""

    def with_token(self, token: str) -> Self:
        """Find what the token opens; nothing, if it is not one of this kind."""
        try:
            nonce = UUID(hex=self.model.signer().unsign(token))
        except (BadSignature, ValueError):
            return self.none()
        return self.filter(nonce=nonce)

    def expired(self) -> Self:
        """Those that lead nowhere any more."""
        return self.filter(expires_at__lte=timezone.now())


def _search_column(actor: Actor) -> str:
    return "private_search_text" if actor.is_staff else "search_text"


def groups_visible_to(actor: Actor, groups: models.QuerySet[Group]) -> models.QuerySet[Group]:
    """Staff see all groups; others see those they are in.

    A token shows the owner's with what else is private about the owner. A function, because the
    model is Django's.
    """
    if actor.is_staff and actor.allows(Scope.GROUPS_READ):
        return groups
    if not (actor.allows(Scope.GROUPS_READ) or actor.allows(Scope.PROFILE_READ)):
        return groups.none()
    return groups.filter(user=actor.user_id) if actor.is_authenticated else groups.none()
