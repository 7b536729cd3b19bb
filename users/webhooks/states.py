"""The states of webhooks and deliveries, and the reasons for them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core.enums import DescribedEnum


class WebhookDisabledReason(TextChoices):
    """Why a webhook is disabled."""

    BY_USER = "user", _("by a user")
    OWNER_INACTIVE = "inactive", _("the owner may not sign in")
    OWNER_LOST_ROLE = "role", _("the owner lost the role")
    FAILING = "failing", _("all deliveries failed for days")
    GONE = "gone", _("the receiver asked for no more")
    SELECTION_INVALID = "selection", _("the selection is no longer valid")


class WebhookDeliveryState(TextChoices):
    """The state of a delivery."""

    PENDING = "pending", _("waiting")
    SUCCEEDED = "succeeded", _("delivered")
    FAILED = "failed", _("failed")


class WebhookDeliveryError(DescribedEnum):
    """Why the last attempt of a delivery failed."""

    NAME_NOT_RESOLVED = "NAME_NOT_RESOLVED", "The host's name has no address."
    ADDRESS_REFUSED = (
        "ADDRESS_REFUSED",
        "The host's addresses are not public, and not in `WEBHOOK_ALLOWED_NETWORKS`.",
    )
    CONNECTION_FAILED = "CONNECTION_FAILED", "The connection was refused or lost."
    TLS_FAILED = (
        "TLS_FAILED",
        "The host's certificate is not valid for its name, or no secure connection was possible.",
    )
    TIMED_OUT = "TIMED_OUT", "There was no response in time."
    RESPONSE_INVALID = "RESPONSE_INVALID", "The response is not valid HTTP."
    REDIRECTED = "REDIRECTED", "The response is a redirect, which is not followed."
    STATUS_REFUSED = "STATUS_REFUSED", "The status of the response is not 200 to 299."
    PAYLOAD_FAILED = "PAYLOAD_FAILED", "The selection could not be executed in time."
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE", "The selection returned too many bytes; final."
    NOT_VISIBLE = "NOT_VISIBLE", "The webhook's owner may not see the event; final."
    WEBHOOK_DISABLED = "WEBHOOK_DISABLED", "The webhook was disabled before an attempt; final."


# About the receiver as a whole, so that other deliveries would fail as well.
UNREACHABLE = frozenset(
    (
        WebhookDeliveryError.NAME_NOT_RESOLVED,
        WebhookDeliveryError.ADDRESS_REFUSED,
        WebhookDeliveryError.CONNECTION_FAILED,
        WebhookDeliveryError.TLS_FAILED,
        WebhookDeliveryError.TIMED_OUT,
        WebhookDeliveryError.RESPONSE_INVALID,
    )
)
# Another attempt cannot succeed.
FINAL = frozenset((WebhookDeliveryError.PAYLOAD_TOO_LARGE, WebhookDeliveryError.NOT_VISIBLE))
# About this service, not about the receiver.
OURS = frozenset((*FINAL, WebhookDeliveryError.PAYLOAD_FAILED))
