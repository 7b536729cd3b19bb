"""Pages that links in mails about privacy lead to."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.actor import Actor
from users.accounts.views import LinkView
from users.privacy.services.deletion import cancel_deletion


class CancelDeletionView(LinkView):
    """Undoes the deletion of an account."""

    title = gettext_lazy("Keep your account")
    lead = gettext_lazy("One click, and your account is not deleted.")
    button = gettext_lazy("Keep my account")

    def use(self, actor: Actor, **fields: str) -> str:
        """Undo it."""
        user = cancel_deletion(fields["token"], actor=actor)
        return _("Done. Your account %(username)s stays: sign in as ever.") % {
            "username": user.username
        }
