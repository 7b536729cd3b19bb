"""The page of an invitation, for deployments without a frontend."""

from django.forms import Form
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.accounts.forms import AcceptInvitationForm, LinkForm
from users.accounts.views import AcceptInvitationView, MailedLinkView, account_is_ready
from users.organizations.models import OrganizationInvitation
from users.organizations.services.invitations import (
    accept_organization_invitation,
    get_organization_invitation,
    sign_up_by_organization_invitation,
)


class JoinOrganizationView(MailedLinkView):
    """Adds the signed-in user to an organisation, or creates an account for it first."""

    title = gettext_lazy("Join an organisation")
    renewal = AcceptInvitationView.renewal
    # Set when the user asks to see it: the mail may not name the organisation and the inviter.
    invitation: OrganizationInvitation | None = None

    @property
    def alternative(self) -> tuple[str, str] | None:  # type: ignore[override]
        """A button that shows the organisation and the inviter."""
        return None if self.invitation else ("show", _("Show the invitation"))

    @property
    def lead(self) -> str:
        """The invitation, if shown, and instructions."""
        if not self.invitation:
            return self._lead
        names = {
            "inviter": self.invitation.inviter.username,
            "organization": self.invitation.organization.name,
        }
        details = _("%(inviter)s invites you to join the organisation %(organization)s.") % names
        return f"{details} {self._lead}"

    @property
    def _lead(self) -> str:
        if self.actor.is_authenticated:
            name = self.request.user.get_username()
            return _("Join the organisation as %(username)s.") % {"username": name}
        return _("Choose a username and a password to create an account and join the organisation.")

    @property
    def note(self) -> str:
        """A hint to sign in first, for users with an account."""
        if self.actor.is_authenticated:
            return ""
        return _("If you have an account, sign in and open the link in our mail again.")

    @property
    def button(self) -> str:
        """The label of the submit button."""
        return _("Join") if self.actor.is_authenticated else _("Create my account and join")

    def get_form_class(self) -> type[Form]:
        """Return the form with the token only if a user is signed in."""
        return LinkForm if self.actor.is_authenticated else AcceptInvitationForm

    def form_valid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Accept the invitation, or only show it."""
        return self.respond(form, self._show if self._is_shown else self.use)

    def form_invalid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Show the invitation, if requested, regardless of other fields; or the problems."""
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
        """Accept the invitation."""
        if self.actor.is_authenticated:
            organization = accept_organization_invitation(fields["token"], actor=self.actor)
            return _("Done. You are now a member of %(organization)s.") % {
                "organization": organization.name
            }
        user = sign_up_by_organization_invitation(actor=self.actor, **fields)
        return account_is_ready(user.username)
