"""The outbox, with what administrators do about failed messages."""

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.admin import actor_of, gone_on
from core.errors import InputRejectedError
from core.outbox.admin import OutboxMessageAdmin
from core.outbox.models import OutboxMessage
from users.accounts.policy import may_administer
from users.accounts.services.outbox import retry_message

# The service is in a layer above the outbox.
admin.site.unregister(OutboxMessage)


@admin.register(OutboxMessage)
class OutboxAdmin(OutboxMessageAdmin):
    """Work that is not done; for administrators."""

    actions_detail = ("retry",)

    def has_retry_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it for failed messages."""
        message = self.get_object(request, object_id)
        return (
            may_administer(actor_of(request))
            and message is not None
            and message.failed_at is not None
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Try again"),
        url_path="retry",
        icon="replay",
        permissions=["retry"],
        dialog={
            "title": _("Try again?"),
            "description": _("A mail is sent again, if it is still of use."),
            "form_submit_text": _("Try again"),
        },
    )
    def retry(self, request: HttpRequest, _form: object, object_id: str) -> HttpResponse:
        """Have the message delivered, once the dialog was confirmed by POST."""
        try:
            retry_message(int(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("It is tried again now."))
        return gone_on(request, reverse("admin:outbox_outboxmessage_changelist"))
