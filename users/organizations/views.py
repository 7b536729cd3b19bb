"""The page that an invitation's link leads to, for deployments without a frontend of their own."""

from typing import cast

from django.forms import Form
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.actor import Actor
from core.http import ActorRequest
from users.accounts.forms import AcceptInvitationForm, LinkForm
from users.accounts.views import LinkView, account_is_ready
from users.organizations.services.invitations import (
    accept_organization_invitation,
    sign_up_by_organization_invitation,
)


class JoinOrganizationView(LinkView):
    """Has whoever is signed in join, and makes an account for others first."""

    title = gettext_lazy("Join an organisation")

    @property
    def lead(self) -> str:
        """Say what the button does for whom."""
        if self._actor.is_authenticated:
            name = self.request.user.get_username()
            return _("One click, and you join as %(username)s.") % {"username": name}
        return _("Choose a username and a password for your account, and you join with it.")

    @property
    def note(self) -> str:
        """Tell who has an account what to do first."""
        if self._actor.is_authenticated:
            return ""
        return _("You have an account? Then sign in, and open the link in our mail again.")

    @property
    def button(self) -> str:
        """Say it in a word."""
        return _("Join") if self._actor.is_authenticated else _("Create my account and join")

    @property
    def _actor(self) -> Actor:
        return cast("ActorRequest", self.request).actor

    def get_form_class(self) -> type[Form]:
        """Ask for nothing but the token if somebody is signed in."""
        return LinkForm if self._actor.is_authenticated else AcceptInvitationForm

    def use(self, actor: Actor, **fields: str) -> str:
        """Accept."""
        if actor.is_authenticated:
            organization = accept_organization_invitation(fields["token"], actor=actor)
            return _("Done. You belong to %(organization)s now.") % {
                "organization": organization.name
            }
        user = sign_up_by_organization_invitation(actor=actor, **fields)
        return account_is_ready(user.username)
