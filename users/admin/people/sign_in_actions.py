"""Actions on how users sign in: password, lockout, sessions, second factors, impersonation."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from users.accounts.policy import may_administer, may_impersonate
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action, show_in_dialog
from users.admin.base import actor_of
from users.admin.people.dialog_forms import ImpersonationForm
from users.admin.user_related import UserRelatedAdmin
from users.authentication.services.end_sessions import end_sessions
from users.authentication.services.impersonation import impersonate_user, is_ordinary
from users.authentication.services.passwords import require_password_reset
from users.authentication.services.reset_mfa import reset_second_factors
from users.authentication.services.unlock import unlock_user


class SignInActions(UserRelatedAdmin):
    """Actions that call authentication services."""

    def has_impersonate_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, for users who can be impersonated."""
        if not (settings.IMPERSONATION_MAX and may_impersonate(actor_of(request))):
            return False
        user = self.get_object(request, object_id)
        return user is not None and is_ordinary(user)

    def has_reset_factors_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, for users who have second factors."""
        if not may_administer(actor_of(request)):
            return False
        user = self.get_object(request, object_id)
        return user is not None and bool(user.second_factors)

    @dialog_action(
        label=_("Reset the password"),
        icon="password",
        permission="administer",
        path="require-password-reset",
        title=_("Reset the password?"),
        text=_(
            "This signs the person out everywhere and mails them a link to choose a new password."
        ),
    )
    def require_reset(self, dialog: ConfirmedDialog) -> ActionResult:
        """Remove the password and mail a link to choose a new one."""
        require_password_reset(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(dialog.key), _("The person gets a link by mail."))

    @dialog_action(
        label=_("Unlock"),
        icon="lock_open",
        permission="administer",
        title=_("Unlock the account?"),
        text=_("For a person who has to wait after too many failed sign-ins."),
    )
    def unlock(self, dialog: ConfirmedDialog) -> ActionResult:
        """Reset the counters of failed attempts."""
        unlock_user(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(dialog.key), _("The account is unlocked."))

    @dialog_action(
        label=_("End all sessions"),
        icon="logout",
        permission="administer",
        path="end-sessions",
        title=_("End all sessions?"),
        text=_("This signs the person out everywhere immediately. They can sign in again."),
    )
    def end_all_sessions(self, dialog: ConfirmedDialog) -> ActionResult:
        """Sign the user out everywhere."""
        end_sessions(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(dialog.key), _("The person is signed out everywhere."))

    @dialog_action(
        label=_("Reset second factors"),
        icon="lock_reset",
        permission="reset_factors",
        title=_("Remove all second factors?"),
        text=_(
            "For a person who lost them. Verify their identity first. They are signed out "
            "everywhere and notified by mail; afterwards they sign in with their password alone."
        ),
        confirm=_("Remove"),
    )
    def reset_factors(self, dialog: ConfirmedDialog) -> ActionResult:
        """Remove the second factors."""
        reset_second_factors(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(dialog.key), _("The second factors were removed."))

    @dialog_action(
        label=_("Impersonate"),
        icon="supervisor_account",
        permission="impersonate",
        title=_("Impersonate this person?"),
        text=_("You cannot change the person's password, addresses, second factors or tokens."),
        confirm=_("Start"),
        form_class=ImpersonationForm,
    )
    def impersonate(self, dialog: ConfirmedDialog) -> HttpResponse:
        """Start an impersonation and show its tokens once, in the dialog."""
        signed_in = impersonate_user(dialog.key, actor=dialog.actor, **dialog.values)
        session = signed_in.session
        return show_in_dialog(
            dialog.request,
            "admin/impersonation.html",
            {
                "title": _("You impersonate %(person)s") % {"person": session.user.username},
                "access_token": signed_in.access_token,
                "refresh_token": signed_in.refresh_token,
                "end": date_format(session.expires_at, "TIME_FORMAT"),
                "back": self.page_url(session.user_id),
            },
        )
