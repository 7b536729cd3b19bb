"""The page of an invitation to an organisation, for deployments without a frontend."""

from django.forms import Form
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.accounts.forms import AcceptInvitationForm, LinkForm
from users.accounts.views import MailedLinkView, account_is_ready
from users.organizations.models import OrganizationInvitation
from users.organizations.services.invitations import (
    accept_organization_invitation,
    get_organization_invitation,
    sign_up_by_organization_invitation,
)


class JoinOrganizationView(MailedLinkView):
    """Adds the signed-in user to an organisation, or creates an account for it first."""

    title = gettext_lazy("Join an organisation")
    # Set once it is to be shown: the mail names neither the organisation nor the inviter.
    invitation: OrganizationInvitation | None = None

    @property
    def alternative(self) -> tuple[str, str] | None:  # type: ignore[override]
        """Offer to name the organisation and the inviter."""
        return None if self.invitation else ("show", _("Show who invites me"))

    @property
    def lead(self) -> str:
        """Name the invitation if it is shown, and say what the button does."""
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
        if self.actor.is_authenticated:
            name = self.request.user.get_username()
            return _("One click, and you join as %(username)s.") % {"username": name}
        return _("Choose a username and a password for your account, and you join with it.")

    @property
    def note(self) -> str:
        """Tell users who are not signed in to sign in first."""
        if self.actor.is_authenticated:
            return ""
        return _("You have an account? Then sign in, and open the link in our mail again.")

    @property
    def button(self) -> str:
        """Name what the button does."""
        return _("Join") if self.actor.is_authenticated else _("Create my account and join")

    def get_form_class(self) -> type[Form]:
        """Ask for nothing but the token if a user is signed in."""
        return LinkForm if self.actor.is_authenticated else AcceptInvitationForm

    def form_valid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Accept the invitation, or only show it."""
        return self.respond(form, self._show if self._is_shown else self.use)

    def form_invalid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Show the invitation whatever else was entered, or show the problems."""
        if self._is_shown and "token" not in form.errors:
            return self.respond(form, self._show)
        return super().form_invalid(form)

    @property
    def _is_shown(self) -> bool:
        return "show" in self.request.POST

    def _show(self, token: str, **_fields: str) -> HttpResponse:
        self.invitation = get_organization_invitation(token, actor=self.actor)
        return self._answer(200, form=self.get_form_class()(initial={"token": token}))

    def use(self, **fields: str) -> str:
        """Accept."""
        if self.actor.is_authenticated:
            organization = accept_organization_invitation(fields["token"], actor=self.actor)
            return _("Done. You belong to %(organization)s now.") % {
                "organization": organization.name
            }
        user = sign_up_by_organization_invitation(actor=self.actor, **fields)
        return account_is_ready(user.username)
