"""Pages of the mailed links about deletions and exports."""

from django.http import FileResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.accounts.views import MailedLinkView, NextStep, OwnersLinkView
from users.privacy.models import AccountDeletion, DataExport
from users.privacy.services.deletion import cancel_deletion
from users.privacy.services.export import fetch_data_export


class CancelDeletionView(MailedLinkView):
    """Cancels the deletion of an account."""

    title = gettext_lazy("Keep your account")
    lead = gettext_lazy("Your account is scheduled for deletion. You can still keep it.")
    button = gettext_lazy("Keep my account")
    renewal = NextStep(AccountDeletion.renewal)
    follow_up = NextStep(
        gettext_lazy("If you did not ask for the deletion, first choose a new password."),
        "forgot-password",
        gettext_lazy("Choose a new password"),
    )

    def use(self, **fields: str) -> str:
        """Cancel the deletion."""
        user = cancel_deletion(fields["token"], actor=self.actor)
        return _("Done. Your account %(username)s will not be deleted: sign in as usual.") % {
            "username": user.username
        }


class DataExportView(OwnersLinkView):
    """Sends a data export to its user."""

    title = gettext_lazy("Download your data")
    lead = gettext_lazy("Your data in one file.")
    button = gettext_lazy("Download my data")
    renewal = NextStep(DataExport.renewal)

    def use(self, **fields: str) -> HttpResponseBase:
        """Stream the file as an attachment (RFC 6266), with `Cache-Control: no-store`."""
        password = fields.get("password") or None
        export = fetch_data_export(fields["token"], actor=self.actor, password=password)
        name = f"roster-{export.ready_at:%Y-%m-%d}.json"
        return FileResponse(
            export.file.open("rb"),
            as_attachment=True,
            filename=name,
            content_type="application/json",
        )
