"""Error codes of webhooks; see `core.errors`."""

from core.errors import ErrorCode


class WebhookErrorCode(ErrorCode):
    """Error codes of webhooks and their deliveries."""

    WEBHOOK_URL_INVALID = (
        "WEBHOOK_URL_INVALID",
        "The URL is not one to which webhooks are sent.",
    )
    WEBHOOK_SELECTION_INVALID = (
        "WEBHOOK_SELECTION_INVALID",
        "The selection is not valid GraphQL on the type `Event`, or exceeds a limit.",
    )
    TOO_MANY_WEBHOOKS = (
        "TOO_MANY_WEBHOOKS",
        "The organisation or the service has the maximum number of webhooks.",
    )
    WEBHOOK_DISABLED = "WEBHOOK_DISABLED", "The webhook is disabled. Enable it first."
