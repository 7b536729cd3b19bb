"""Action buttons of admin pages, with or without a confirmation dialog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, NotRequired, ParamSpec, TypedDict, Unpack

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from core.errors import GenericErrorCode, InputRejectedError, Text
from core.security.actor import Actor
from core.web.forms import add_problems
from users.admin.base import actor_of

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class ConfirmedDialog:
    """A dialog that was confirmed by POST.

    ``key`` is the primary key of the page's row, or None on a list. ``values`` is the cleaned data
    of the dialog's form.
    """

    request: HttpRequest
    key: Any
    values: Mapping[str, Any]

    @property
    def actor(self) -> Actor:
        """The user who confirmed the dialog."""
        return actor_of(self.request)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The page to show after an action, and the message to show on it."""

    url: str
    message: Text | None = None


Handler = Callable[[Any, ConfirmedDialog], ActionResult | HttpResponse]
View = Callable[..., HttpResponse]


class Button(TypedDict):
    """The button of an action.

    ``icon`` is one of Material Symbols. ``permission`` names a method ``has_…_permission`` of the
    page, by default the one to view it. ``path`` is the last part of the URL, by default the name
    of the method.
    """

    label: Text
    icon: str
    permission: NotRequired[str]
    path: NotRequired[str]


def dialog_action(
    *,
    title: Text,
    text: Text,
    confirm: Text | None = None,
    form_class: type[BaseDialogForm] | None = None,
    **button: Unpack[Button],
) -> Callable[[Handler], View]:
    """Make a method an action that runs after its dialog is confirmed.

    ``confirm`` is the label of the dialog's submit button; it defaults to ``label``.

    The method calls one service. If the service rejects the input, the dialog's form is shown again
    with the problems. Without a form, the first problem is shown on the page from which the dialog
    was opened; the response is 404 if the row does not exist.
    """
    dialog = {
        "title": title,
        "description": text,
        "form_class": form_class,
        "form_submit_text": button["label"] if confirm is None else confirm,
    }

    def decorate(method: Handler) -> View:
        @wraps(method)
        def run(
            page: Any, request: HttpRequest, form: BaseDialogForm, object_id: str | None = None
        ) -> HttpResponse:
            key = None if object_id is None else _key_of(page.model, object_id)
            cleaned = form.cleaned_data
            values = {name: cleaned[name] for name in cleaned if not name.startswith("_")}
            try:
                result = method(page, ConfirmedDialog(request, key, values))
            except InputRejectedError as refusal:
                if form_class is None:
                    return _show_refusal(page, request, key, refusal)
                add_problems(form, refusal.problems)
                context = {**dialog, "dialog": dialog, "form": form}
                return render(request, "unfold/helpers/dialog.html", context)
            if isinstance(result, HttpResponse):
                return result
            if result.message is not None:
                messages.success(request, str(result.message))
            return redirect_from_dialog(request, result.url)

        return _action(run, button, dialog)

    return decorate


def page_action(
    **button: Unpack[Button],
) -> Callable[[Callable[P, HttpResponseBase]], Callable[P, HttpResponseBase]]:
    """Make a method an action that responds without a dialog, for example with a redirect."""

    def decorate(method: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
        return _action(method, button)

    return decorate


def redirect_from_dialog(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect the whole page, even if the request was sent from a dialog.

    htmx follows a 302 inside the dialog; the header ``HX-Redirect`` makes it leave the dialog.
    """
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def show_in_dialog(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Replace the content of the dialog by a template, whose root is ``#dialog``."""
    response = render(request, template, context)
    # By default htmx keeps the buttons of the form.
    response["HX-Retarget"] = response["HX-Reselect"] = "#dialog"
    return response


def _show_refusal(
    page: Any, request: HttpRequest, key: Any, refusal: InputRejectedError
) -> HttpResponse:
    """Show why an action was refused. Raises `Http404` if its row does not exist."""
    if all(problem.code is GenericErrorCode.NOT_FOUND for problem in refusal.problems):
        raise Http404
    messages.error(request, str(refusal.problems[0].message))
    url = page.list_url if key is None else page.page_url(key)
    return redirect_from_dialog(request, url)


def _action(
    method: Callable[P, HttpResponseBase], button: Button, dialog: Mapping[str, Any] | None = None
) -> Callable[P, Any]:
    decorate: Callable[..., Callable[P, Any]] = action(
        description=button["label"],
        icon=button["icon"],
        permissions=[button.get("permission", "view")],
        url_path=button.get("path", method.__name__.replace("_", "-")),
        dialog=dialog,
    )
    return decorate(method)


def _key_of(model: type[Model], object_id: str) -> Any:
    try:
        return model._meta.pk.to_python(object_id)
    except ValidationError:
        raise Http404 from None
