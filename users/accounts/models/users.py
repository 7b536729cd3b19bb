"""Users, and which of them an actor sees."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, Exists, F, Q, Subquery, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.database.search.texts import has_words, rank, searchable
from core.email.addresses import EMAIL_MAX_LENGTH, unicode_email
from core.security.actor import Actor
from engine.sql.unindexed_filter import UnindexedFilter
from users.accounts.expressions import EmailDomain
from users.accounts.identifiers import (
    SERVICE_DOMAIN,
    USERNAME_MAX_LENGTH,
    canonical_login,
    canonical_part,
)
from users.accounts.orders import USER_ORDERS, UserOrderField
from users.accounts.policy import may_read_all_private, may_read_private
from users.accounts.visibility import visibility_rules
from users.scopes import Scope

# A-labels give each domain one spelling. Address literals and quoted local parts are matched
# because earlier rules accepted them; new addresses may not have them.
ASCII_EMAIL: Final = r"^[\x01-\x7f]+@[a-z0-9.:\[\]-]+$"


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
        for rule in visibility_rules():
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
        return self.exclude_service_accounts().filter(is_superuser=True, is_active=True)

    def exclude_service_accounts(self) -> Self:
        """Exclude service accounts."""
        return self.filter(is_service=False)

    def service_accounts(self) -> Self:
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

    def with_readable_address(self, email: str, actor: Actor) -> Self:
        """Find the user by a canonical address that the actor may read.

        Of the addresses of others nothing is read, so neither the answer nor its time discloses
        whether an address exists.
        """
        if may_read_all_private(actor):
            return self.with_address(email)
        if actor.user_id is None or not may_read_private(actor, actor.user_id):
            return self.none()
        own = self.model.objects.filter(pk=actor.user_id, email_addresses__email=email)
        return self.filter(Q(email=email) | Q(Exists(own)), pk=actor.user_id)


def _findable_by(actor: Actor) -> Q:
    return Q(pk=actor.user_id) | Q(is_public=True, is_active=True)


def _search_column(actor: Actor) -> str:
    return "private_search_text" if actor.is_staff else "search_text"


UserManager = BaseUserManager.from_queryset(UserQuerySet)


class User(AbstractBaseUser, PermissionsMixin):
    """A user, or a service account. E-mail and username are in canonical form."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(_("username"), max_length=USERNAME_MAX_LENGTH)
    email = models.EmailField(_("e-mail"), max_length=EMAIL_MAX_LENGTH)
    # When the user confirmed the address; null while unconfirmed, as administrators enter it.
    email_verified_at = models.DateTimeField(_("e-mail verified"), null=True, editable=False)
    # Since when the SMTP server rejects mail to it permanently; null while it accepts mail.
    email_undeliverable_at = models.DateTimeField(
        _("e-mail undeliverable"), null=True, editable=False
    )
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    # Replaces Django's texts, which name the role differently.
    is_superuser = models.BooleanField(
        _("administrator"),
        default=False,
        help_text=_("Manages accounts, roles and groups, and reads the audit trail."),
    )
    is_public = models.BooleanField(
        _("public"), default=False, help_text=_("Other people may find this person.")
    )
    # A service account has no password and no sessions, only API tokens.
    is_service = models.BooleanField(
        _("service account"), default=False, db_default=False, editable=False
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    # The kinds of second factors that are set up: denormalised from the rows of
    # `users.authentication`, because every request reads it.
    second_factors = ArrayField(
        models.CharField(max_length=10), default=list, db_default=[], blank=True, editable=False
    )
    # When the user was erased, which cannot be undone; only the anonymous row is left.
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False)
    # Search texts: for all users, and for staff, who may read addresses.
    search_text = searchable("name", "username")
    private_search_text = searchable("name", "username", "email")
    last_login = None

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["email"]

    objects = UserManager()

    class Meta:
        """Constraints enforce the canonical form, of which identifiers are unique."""

        # Joins from other types go through `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["username"], name="user_username_unique"),
            models.UniqueConstraint(fields=["email"], name="user_email_unique"),
            models.CheckConstraint(
                condition=Q(username=Lower("username")), name="user_username_canonical"
            ),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_canonical"),
            models.CheckConstraint(condition=Q(email__regex=ASCII_EMAIL), name="user_email_ascii"),
            models.CheckConstraint(
                condition=Q(erased_at=None) | Q(is_active=False), name="user_erased_is_inactive"
            ),
            models.CheckConstraint(
                condition=Q(is_service=False)
                | Q(
                    is_public=False,
                    password__startswith=UNUSABLE_PASSWORD_PREFIX,
                    email__endswith=f"@{SERVICE_DOMAIN}",
                ),
                name="user_service_cannot_log_in",
            ),
        ]
        indexes: ClassVar = [
            *(
                models.Index(*terms, name=f"user_order_{order.value}")
                for order, terms in USER_ORDERS.items()
                if len(terms) > 1 and order is not UserOrderField.LAST_SEEN
            ),
            models.Index(EmailDomain(), F("email"), name="user_email_domain"),
            GinIndex(
                fields=["search_text", "private_search_text"],
                opclasses=["gin_trgm_ops", "gin_trgm_ops"],
                name="user_search",
            ),
            # Partial: these users may be few among very many.
            models.Index(
                fields=["id"], name="user_public", condition=Q(is_public=True, is_active=True)
            ),
            models.Index(fields=["username"], name="user_service", condition=Q(is_service=True)),
            models.Index(fields=["id"], name="user_inactive", condition=Q(is_active=False)),
            models.Index(fields=["id"], name="user_staff", condition=Q(is_staff=True)),
            models.Index(
                fields=["id"], name="user_unverified", condition=Q(email_verified_at=None)
            ),
            models.Index(fields=["id"], name="user_administrators", condition=Q(is_superuser=True)),
            models.Index(
                fields=["id"],
                name="user_undeliverable",
                condition=~Q(email_undeliverable_at=None),
            ),
        ]

    def set_email(
        self,
        email: str,
        *,
        verified_at: datetime | None,
        undeliverable_at: datetime | None = None,
    ) -> None:
        """Set the primary address, in canonical form, with its verification and deliverability."""
        self.email = email
        self.email_verified_at = verified_at
        self.email_undeliverable_at = undeliverable_at

    def get_full_name(self) -> str:
        """Return the name, or the username if there is none."""
        return self.name or self.username

    @property
    def email_in_unicode(self) -> str:
        """The primary address in Unicode, for the validator of similar passwords."""
        return unicode_email(self.email)

    def has_address(self, email: str) -> bool:
        """Return True if the canonical address is the primary or a secondary one."""
        return self.email == email or self.email_addresses.filter(email=email).exists()


def user_key(
    related_name: str = "+", **options: Any
) -> "models.ForeignKey[User | Combinable, User]":
    """Return a foreign key to a user that cascades and has no index.

    Each model declares an index that begins with this column, so a second one is redundant.
    """
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name=related_name,
        db_index=False,
        **options,
    )


def owner_text(row: Any) -> str:
    """Return the username of a row's user, or the key if not loaded (N+1)."""
    is_loaded = row._meta.get_field("user").is_cached(row)
    return str(row.user.username if is_loaded else row.pk)
