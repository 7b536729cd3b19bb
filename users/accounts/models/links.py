"""Mailed links: sign-ups, changes of addresses, invitations."""

from typing import Any, ClassVar, Self
from uuid import UUID, uuid4

from django.core.signing import BadSignature, Signer
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.email.addresses import EMAIL_MAX_LENGTH
from core.errors import Text
from core.security.actor import Actor
from users.accounts.identifiers import USERNAME_MAX_LENGTH
from users.accounts.models.users import User, user_key
from users.scopes import Scope


class MailedLinkQuerySet(models.QuerySet[Any]):
    """Mailed links of one kind."""

    def with_token(self, token: str) -> Self:
        """Find the link of a token; none for a token of another kind."""
        try:
            nonce = UUID(hex=self.model.signer().unsign(token))
        except (BadSignature, ValueError):
            return self.none()
        return self.filter(nonce=nonce)

    def open(self) -> Self:
        """Return the links that have not expired."""
        return self.filter(expires_at__gt=timezone.now())

    def expired(self) -> Self:
        """Return the expired links."""
        return self.filter(expires_at__lte=timezone.now())


class MailedLink(models.Model):
    """A link in a mail that expires.

    The token is the signed ``nonce``, so the database alone does not hold a usable token. A changed
    nonce or a deleted row invalidates the links that were mailed before.
    """

    # What to do if a link of this kind is invalid, used or expired.
    renewal: ClassVar[Text]

    nonce = models.UUIDField(default=uuid4, unique=True)
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    objects: ClassVar[Any] = MailedLinkQuerySet.as_manager()

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

    renewal = _(
        "If you have confirmed your address before, sign in. Otherwise we can mail a new link."
    )

    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)
    # Empty if it is derived when the address is confirmed.
    username = models.CharField(max_length=USERNAME_MAX_LENGTH, blank=True)
    name = models.CharField(max_length=150, blank=True, default="", db_default="")
    password = models.CharField(max_length=128)
    locale = models.CharField(max_length=10)

    class Meta:
        """Looked up by address; only the nonce is unique."""

        indexes: ClassVar = [models.Index(fields=["email"], name="sign_up_email")]


class _AddressLink(MailedLink):
    """A link that confirms an address of a user."""

    renewal = _("Sign in to see whether your address is confirmed, or to request a new link there.")

    class Meta:
        """Each kind of link has its own table."""

        abstract = True


class EmailChange(_AddressLink):
    """A pending change of the primary address, until the new one is confirmed."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="email_change")
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """At most one per user; a later request replaces an earlier one."""


class EmailReversal(MailedLink):
    """The right of a former primary address to undo a change, for some days.

    A changed password does not end it, because an attacker would change that too.
    """

    renewal = _(
        "If you have undone the change already, choose a new password. Otherwise contact an "
        "administrator."
    )

    user = user_key()
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)
    changed_at = models.DateTimeField()

    class Meta:
        """One per user and address; a later change from the address replaces an earlier one."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "email"], name="email_reversal_unique"),
        ]


class EmailAddition(_AddressLink):
    """A pending secondary address, until it is confirmed."""

    user = user_key()
    email = models.EmailField(max_length=EMAIL_MAX_LENGTH)

    class Meta:
        """One per user and address; other users may request the same address."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "email"], name="email_addition_unique"),
        ]


class InvitationQuerySet(MailedLinkQuerySet):
    """Invitations to create an account."""

    def visible_to(self, actor: Actor) -> Self:
        """Return all that have not expired to administrators, and none to others."""
        may_read = actor.is_superuser and actor.allows(Scope.USERS_READ)
        return self.open() if may_read else self.none()


class Invitation(MailedLink):
    """An administrator's invitation of an e-mail address to create an account."""

    renewal = _("If you have an account, sign in. Otherwise ask for a new invitation.")

    email = models.EmailField(_("e-mail"), max_length=EMAIL_MAX_LENGTH)
    name = models.CharField(_("name"), max_length=150, blank=True)
    locale = models.CharField(_("language"), max_length=10)

    objects: ClassVar[Any] = InvitationQuerySet.as_manager()

    class Meta:
        """One per address; a later invitation replaces an earlier one."""

        verbose_name = _("invitation")
        verbose_name_plural = _("invitations to sign up")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email"], name="invitation_email_unique"),
        ]
