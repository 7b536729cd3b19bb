"""Pages of mailed links about privacy."""

from django.http import FileResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.accounts.views import MailedLinkView
from users.privacy.services.deletion import cancel_deletion
from users.privacy.services.export import fetch_data_export


class CancelDeletionView(MailedLinkView):
    """Cancels the deletion of an account."""

    title = gettext_lazy("Keep your account")
    lead = gettext_lazy("One click, and your account is not deleted.")
    button = gettext_lazy("Keep my account")

    def use(self, **fields: str) -> str:
        """Cancel the deletion."""
        user = cancel_deletion(fields["token"], actor=self.actor)
        return _("Done. Your account %(username)s stays: sign in as ever.") % {
            "username": user.username
        }


class DataExportView(MailedLinkView):
    """Sends a data export to the user who has the mailed link."""

    title = gettext_lazy("Fetch your data")
    lead = gettext_lazy("What we keep about you, in one file.")
    button = gettext_lazy("Fetch my data")

    def use(self, **fields: str) -> HttpResponseBase:
        """Stream the file as an attachment (RFC 6266), which no cache stores."""
        export = fetch_data_export(fields["token"], actor=self.actor)
        name = f"roster-{export.ready_at:%Y-%m-%d}.json"
        return FileResponse(
            export.file.open("rb"),
            as_attachment=True,
            filename=name,
            content_type="application/json",
        )
