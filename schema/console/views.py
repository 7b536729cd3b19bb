"""The view of the GraphiQL console."""

from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from core.web.content_security import HEADER, console_policy
from schema.console.documents import CONSOLE_DOCUMENT_IDS
from schema.console.examples import example_operations
from users.demo.accounts import DEMO_ACCOUNTS


def console_page(request: HttpRequest) -> HttpResponse:
    """Render the console or, if it is not built, instructions to build it."""
    config = {
        "endpoint": request.path,
        "admin": reverse("admin:index"),
        "name": settings.SERVICE_NAME,
        "logo": settings.SERVICE_LOGO_URL,
        "version": settings.VERSION,
        "documents": CONSOLE_DOCUMENT_IDS,
        "demo": _demo(),
        "operations": example_operations(),
    }
    built = finders.find("console/console.js") is not None
    template = "schema/console.html" if built else "schema/console_missing.html"
    response = render(request, template, {"config": config})
    response[HEADER] = console_policy()
    return response


def _demo() -> dict[str, Any] | None:
    """Return the accounts of one-click sign-in; None outside the demo."""
    if not settings.DEMO:
        return None
    return {
        "accounts": [
            {
                "login": account.username,
                "role": account.role,
                "description": account.description,
            }
            for account in DEMO_ACCOUNTS
        ],
        "password": settings.DEMO_PASSWORD,
        "inbox": reverse("inbox") if settings.DEMO_MAILBOX else None,
    }
