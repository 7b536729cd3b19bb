"""The page that an invitation's link leads to, for deployments without a frontend of their own."""

from typing import cast

from django.forms import Form
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.actor import Actor
from core.errors import InputRejectedError, TooManyAttemptsError
from core.http import ActorRequest
from users.accounts.forms import AcceptInvitationForm, LinkForm
from users.accounts.views import LinkView, account_is_ready
from users.organizations.models import OrganizationInvitation
from users.organizations.services.invitations import (
    accept_organization_invitation,
    show_organization_invitation,
    sign_up_by_organization_invitation,
)


class JoinOrganizationView(LinkView):
    """Has whoever is signed in join, and makes an account for others first."""

    title = gettext_lazy("Join an organisation")
    # What is shown on request: the mail may name neither.
    invitation: OrganizationInvitation | None = None

    @property
    def alternative(self) -> tuple[str, str] | None:  # type: ignore[override]
        """Offer to name the organisation and the inviter."""
        return None if self.invitation else ("show", _("Show who invites me"))

    @property
    def lead(self) -> str:
        """Name what is known, and say what the button does for whom."""
        if not self.invitation:
            return self._lead
        names = {
            "inviter": self.invitation.inviter.username,
            "organization": self.invitation.organization.name,
        }
        known = _("%(inviter)s invites you to join the organisation %(organization)s.") % names
        return f"{known} {self._lead}"

    @property
    def _lead(self) -> str:
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

    def form_valid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Accept, or show the invitation only."""
        return self._show(form) if "show" in self.request.POST else super().form_valid(form)

    def form_invalid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Show the invitation whatever else was entered, or tell what is wrong."""
        is_shown = "show" in self.request.POST and "token" not in form.errors
        return self._show(form) if is_shown else super().form_invalid(form)

    def _show(self, form: Form) -> HttpResponse:
        token = form.cleaned_data["token"]
        try:
            self.invitation = show_organization_invitation(token, actor=self._actor)
        except TooManyAttemptsError as error:
            return self._answer(429, problem=error.text)
        except InputRejectedError as error:
            return self._answer(400, problem=error.problems[0].message)
        return self._answer(200, form=self.get_form_class()(initial={"token": token}))

    def use(self, actor: Actor, **fields: str) -> str:
        """Accept."""
        if actor.is_authenticated:
            organization = accept_organization_invitation(fields["token"], actor=actor)
            return _("Done. You belong to %(organization)s now.") % {
                "organization": organization.name
            }
        user = sign_up_by_organization_invitation(actor=actor, **fields)
        return account_is_ready(user.username)
