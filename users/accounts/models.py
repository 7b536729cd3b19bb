"""Users, their profiles, and links in mails."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import uuid4

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.signing import Signer
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.database.search.texts import searchable
from core.email.addresses import EMAIL_MAX_LENGTH, in_unicode
from users.accounts.expressions import EmailDomain
from users.accounts.fields import user_key
from users.accounts.identifiers import SERVICE_DOMAIN, USERNAME_MAX_LENGTH
from users.accounts.orders import NEVER, USER_ORDERS, UserOrderField
from users.accounts.querysets import EmailAddressQuerySet, MailedLinkQuerySet, UserQuerySet

UserManager = BaseUserManager.from_queryset(UserQuerySet)
# A-labels give each domain one spelling. Address literals and quoted local parts are matched
# because earlier rules accepted them; new addresses may not have them.
ASCII_EMAIL: Final = r"^[\x01-\x7f]+@[a-z0-9.:\[\]-]+$"


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
    # Incremented in the transaction of any change of groups or permissions: the version is part of
    # cache keys, so stale entries are never read.
    authorization_version = models.PositiveIntegerField(default=0, editable=False)
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
        return in_unicode(self.email)

    def has_address(self, email: str) -> bool:
        """Return True if the canonical address is the primary or a secondary one."""
        return self.email == email or self.email_addresses.filter(email=email).exists()


class EmailAddress(models.Model):
    """A confirmed secondary address of a user; the primary one is `User.email`.

    Users can sign in and reset the password with it. A trigger (`email_address_of_one_person`)
    ensures that no address is both a primary and a secondary one, of the same or of another user.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_addresses")
    email = models.EmailField(_("e-mail"), max_length=EMAIL_MAX_LENGTH)
    verified_at = models.DateTimeField(_("e-mail verified"))
    # As `User.email_undeliverable_at`.
    undeliverable_at = models.DateTimeField(_("e-mail undeliverable"), null=True, editable=False)

    objects = EmailAddressQuerySet.as_manager()

    class Meta:
        """Constraints enforce the canonical form, of which addresses are unique."""

        verbose_name = _("e-mail address")
        verbose_name_plural = _("e-mail addresses")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email"], name="email_address_unique"),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="email_address_canonical"
            ),
            models.CheckConstraint(
                condition=Q(email__regex=ASCII_EMAIL), name="email_address_ascii"
            ),
        ]

    def __str__(self) -> str:
        """Return the row's number; the address is personal data."""
        return f"{self._meta.verbose_name} #{self.pk}"


class Profile(models.Model):
    """What users enter about themselves, by the names of OpenID Connect's claims."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, verbose_name=_("person")
    )
    # `User.name` is the display name; the parts are for salutations and sorting.
    given_name = models.CharField(
        _("given name"), max_length=150, blank=True, default="", db_default=""
    )
    family_name = models.CharField(
        _("family name"), max_length=150, blank=True, default="", db_default=""
    )
    nickname = models.CharField(
        _("nickname"), max_length=150, blank=True, default="", db_default=""
    )
    bio = models.CharField(_("bio"), max_length=500, blank=True)
    website = models.URLField(_("website"), blank=True)
    # The key of the avatar's files (see `avatars`). A task deletes the files of a replaced key.
    avatar = models.CharField(max_length=32, editable=False, default="", db_default="")
    locale = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")

    class Meta:
        """One row per user."""

        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes: ClassVar = [
            models.Index(fields=["locale", "user"], name="profile_locale"),
            # For the task that looks up which stored files are in use.
            models.Index(fields=["avatar"], name="profile_avatar", condition=~Q(avatar="")),
        ]

    def __str__(self) -> str:
        """Return the user's id; loading the user would be an N+1 query."""
        return str(self.pk)


# The columns that users can edit: inputs, forms and exports are derived from them.
PROFILE_FIELDS: Final = tuple(
    field.name
    for field in Profile._meta.concrete_fields
    if field.editable and not field.primary_key
)


class Metadata(models.Model):
    """Metadata that applications store about a user.

    ``public`` is visible to all who may see the user, ``private`` to the user and staff. A separate
    table, because few users may have metadata, and so that writes to users skip its GIN indexes.
    """

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        primary_key=True,
        verbose_name=_("person"),
        related_name="metadata",
    )
    public = models.JSONField(_("public"), default=dict, blank=True)
    private = models.JSONField(_("private"), default=dict, blank=True)

    class Meta:
        """At most one row per user, indexed for containment (`@>`)."""

        verbose_name = _("metadata")
        verbose_name_plural = _("metadata")
        indexes: ClassVar = [
            GinIndex(fields=["public"], opclasses=["jsonb_path_ops"], name="metadata_public"),
            GinIndex(fields=["private"], opclasses=["jsonb_path_ops"], name="metadata_private"),
        ]

    def __str__(self) -> str:
        """Return the user's id; loading the user would be an N+1 query."""
        return str(self.pk)


class LastSeen(models.Model):
    """When a user last used the service. A task writes it from the sessions.

    A separate table because of the frequent updates: each would add an entry to every index of the
    user's row (write amplification).
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="last_seen"
    )
    at = models.DateTimeField(null=True)

    class Meta:
        """One row per user, created with the user."""

        indexes: ClassVar = [
            models.Index(Coalesce("at", NEVER), F("user"), name="user_order_last_seen")
        ]

    def __str__(self) -> str:
        """Return the user's id; loading the user would be an N+1 query."""
        return str(self.pk)


class MailedLink(models.Model):
    """A link in a mail that expires.

    The token is the signed ``nonce``, so the database alone does not hold a usable token. A changed
    nonce or a deleted row invalidates the links that were mailed before.
    """

    nonce = models.UUIDField(default=uuid4, unique=True)
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    objects = MailedLinkQuerySet.as_manager()

    class Meta:
        """Each kind of link has its own table."""

        abstract = True

    def __str__(self) -> str:
        """Return the row's number; the address is personal data."""
        return f"{self._meta.verbose_name} #{self.pk}"

    @classmethod
    def signer(cls) -> Signer:
        """Return the signer of this kind's tokens; tokens of other kinds do not verify."""
        return Signer(salt=cls._meta.label_lower)

    @property
    def token(self) -> str:
        """The link's token, a secret."""
        return self.signer().sign(self.nonce.hex)


class SignUp(MailedLink):
    """A pending sign-up, until its address is confirmed or it expires.

    An address can have several, each with its own link, because the address is not verified yet and
    may be a stranger's. None of them reserves its username or decides the password: see
    `verify_email`. Rate limits of mails bound their number.
    """

    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)
    username = models.CharField(max_length=USERNAME_MAX_LENGTH)
    password = models.CharField(max_length=128)
    locale = models.CharField(max_length=10)

    class Meta:
        """Looked up by address; only the nonce is unique."""

        indexes: ClassVar = [models.Index(fields=["email"], name="sign_up_email")]


class EmailChange(MailedLink):
    """A pending change of the primary address, until the new one is confirmed."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="email_change")
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """At most one per user; a later request replaces an earlier one."""


class EmailAddition(MailedLink):
    """A pending secondary address, until it is confirmed."""

    user = user_key()
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """One per user and address; other users may request the same address."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "email"], name="email_addition_unique"),
        ]


class Invitation(MailedLink):
    """An administrator's invitation of an e-mail address to create an account."""

    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)
    name = models.CharField(max_length=150, blank=True)
    locale = models.CharField(max_length=10)

    class Meta:
        """One per address; a later invitation replaces an earlier one."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email"], name="invitation_email_unique"),
        ]
