"""Secondary e-mail addresses, and which of them an actor sees."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from core.email.addresses import EMAIL_MAX_LENGTH
from core.security.actor import Actor
from users.accounts.models.users import ASCII_EMAIL, User
from users.scopes import Scope


class EmailAddressQuerySet(models.QuerySet["EmailAddress"]):
    """Secondary addresses."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all; others see their own."""
        if actor.is_staff and actor.allows(Scope.USERS_READ):
            return self
        if not (actor.is_authenticated and actor.allows(Scope.PROFILE_READ)):
            return self.none()
        return self.filter(user=actor.user_id)


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
