"""People, their profiles, and what waits for a click in a mail."""

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
# A domain in A-labels has one spelling. Address literals and quoted local parts are refused by
# now, but earlier rules accepted them.
ASCII_EMAIL: Final = r"^[\x01-\x7f]+@[a-z0-9.:\[\]-]+$"


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account, or a program. E-mail and username are kept in canonical form."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(_("username"), max_length=USERNAME_MAX_LENGTH)
    email = models.EmailField(_("e-mail"), max_length=EMAIL_MAX_LENGTH)
    # When the person proved to read this address; null for one that an administrator entered.
    email_verified_at = models.DateTimeField(_("e-mail verified"), null=True, editable=False)
    # Since when the SMTP server refuses mail to it for good; null while it is accepted.
    email_undeliverable_at = models.DateTimeField(
        _("e-mail undeliverable"), null=True, editable=False
    )
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    is_public = models.BooleanField(
        _("public"), default=False, help_text=_("Other people may find this person.")
    )
    # A program's account: nobody logs in as it, only API tokens speak for it.
    is_service = models.BooleanField(
        _("service account"), default=False, db_default=False, editable=False
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    # The kinds of second factors that are set up, kept by `users.authentication` with the factors'
    # own rows: it is asked on every request.
    second_factors = ArrayField(
        models.CharField(max_length=10), default=list, db_default=[], blank=True, editable=False
    )
    # When nothing but the row was left of the person; for good.
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False)
    # Raised in the same transaction as any change of groups or permissions, so that what is
    # cached under the old version is never read again.
    authorization_version = models.PositiveIntegerField(default=0, editable=False)
    # What is searched: by everybody, and by those who read addresses.
    search_text = searchable("name", "username")
    private_search_text = searchable("name", "username", "email")
    last_login = None

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["email"]

    objects = UserManager()

    class Meta:
        """Uniqueness is of the canonical form, and the database insists on that form."""

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
            # There may be few of these, among however many people.
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
        """Set the primary address, in canonical form, with what is known of it."""
        self.email = email
        self.email_verified_at = verified_at
        self.email_undeliverable_at = undeliverable_at

    def get_full_name(self) -> str:
        """Return the name to address the person by."""
        return self.name or self.username

    @property
    def email_in_unicode(self) -> str:
        """The primary address in the form whose words people know; what passwords must not be."""
        return in_unicode(self.email)

    def has_address(self, email: str) -> bool:
        """Return whether an address, in canonical form, is the primary or another one of theirs."""
        return self.email == email or self.email_addresses.filter(email=email).exists()


class EmailAddress(models.Model):
    """An address of a person's beside the primary one, which is `User.email`.

    It was shown to be theirs, and signs in and resets the password as that one does. A trigger
    (`email_address_of_one_person`) keeps an address from being here and primary at once, whoever
    has it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_addresses")
    email = models.EmailField(_("e-mail"), max_length=EMAIL_MAX_LENGTH)
    verified_at = models.DateTimeField(_("e-mail verified"))
    # As `User.email_undeliverable_at`.
    undeliverable_at = models.DateTimeField(_("e-mail undeliverable"), null=True, editable=False)

    objects = EmailAddressQuerySet.as_manager()

    class Meta:
        """Uniqueness is of the canonical form, as that of the primary addresses."""

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
        """Name the row only; the address is nobody else's business."""
        return f"{self._meta.verbose_name} #{self.pk}"


class Profile(models.Model):
    """What people tell about themselves, by the names of OpenID Connect's claims."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, verbose_name=_("person")
    )
    # Beside `User.name`, which is the one to show; the parts are for forms of address and sorting.
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
    # The key of the files of the picture, see `avatars`; they are removed by whoever changes it.
    avatar = models.CharField(max_length=32, editable=False, default="", db_default="")
    locale = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")

    class Meta:
        """One row a person."""

        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        indexes: ClassVar = [
            models.Index(fields=["locale", "user"], name="profile_locale"),
            # For the files of which nobody knows whether they are anybody's.
            models.Index(fields=["avatar"], name="profile_avatar", condition=~Q(avatar="")),
        ]

    def __str__(self) -> str:
        """Name the person's id; the person may not be loaded."""
        return str(self.pk)


# The columns that users change as they are: inputs, forms and exports take them from here.
PROFILE_FIELDS: Final = tuple(
    field.name
    for field in Profile._meta.concrete_fields
    if field.editable and not field.primary_key
)


class Metadata(models.Model):
    """What applications note about a person, for whoever sees the person or for the person alone.

    A table of its own, because few may have any, and its indexes are nobody else's business.
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
        """At most one row a person, found by what it contains."""

        verbose_name = _("metadata")
        verbose_name_plural = _("metadata")
        indexes: ClassVar = [
            GinIndex(fields=["public"], opclasses=["jsonb_path_ops"], name="metadata_public"),
            GinIndex(fields=["private"], opclasses=["jsonb_path_ops"], name="metadata_private"),
        ]

    def __str__(self) -> str:
        """Name the person's id; the person may not be loaded."""
        return str(self.pk)


class LastSeen(models.Model):
    """When a person last used the service; written in the background, from the sessions.

    A table of its own, because this changes all the time: a new version of the person's row
    would need a new entry in each of its indexes.
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="last_seen"
    )
    at = models.DateTimeField(null=True)

    class Meta:
        """One row a person, from the beginning."""

        indexes: ClassVar = [
            models.Index(Coalesce("at", NEVER), F("user"), name="user_order_last_seen")
        ]

    def __str__(self) -> str:
        """Name the person's id; the person may not be loaded."""
        return str(self.pk)


class MailedLink(models.Model):
    """Something that whoever reads a mailbox may do once, until it expires.

    The link's token is derived from ``nonce``, so nothing that opens it is stored. Changing
    the nonce or removing the row makes the links mailed before lead nowhere.
    """

    nonce = models.UUIDField(default=uuid4, unique=True)
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    objects = MailedLinkQuerySet.as_manager()

    class Meta:
        """Each kind of link has a table of its own."""

        abstract = True

    def __str__(self) -> str:
        """Name the row only; the address is nobody else's business."""
        return f"{self._meta.verbose_name} #{self.pk}"

    @classmethod
    def signer(cls) -> Signer:
        """Return what signs this kind's tokens; one kind's tokens do not open another."""
        return Signer(salt=cls._meta.label_lower)

    @property
    def token(self) -> str:
        """The secret for the link."""
        return self.signer().sign(self.nonce.hex)


class SignUp(MailedLink):
    """A request for an account, until its address is confirmed or it expires.

    Several may wait for the same address, each with a link of its own, because anybody can enter
    anybody's address. None of them reserves its username or decides the password: see
    `verify_email`. Throttles of mails bound how many there are.
    """

    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)
    username = models.CharField(max_length=USERNAME_MAX_LENGTH)
    password = models.CharField(max_length=128)
    locale = models.CharField(max_length=10)

    class Meta:
        """Sign-ups are found by their addresses; nothing about them is unique but the link."""

        indexes: ClassVar = [models.Index(fields=["email"], name="sign_up_email")]


class EmailChange(MailedLink):
    """A new address that its owner is yet to confirm."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="email_change")
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """One change a person at a time; the last one asked for counts."""


class EmailAddition(MailedLink):
    """A further address that its owner is yet to confirm."""

    user = user_key()
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """One an address and a person; others may wait for the same address, until one has it."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "email"], name="email_addition_unique"),
        ]


class Invitation(MailedLink):
    """An account that an administrator offers to whoever reads this address."""

    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)
    name = models.CharField(max_length=150, blank=True)
    locale = models.CharField(max_length=10)

    class Meta:
        """One invitation an address; a later one replaces it."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email"], name="invitation_email_unique"),
        ]
