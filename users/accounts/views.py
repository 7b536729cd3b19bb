"""Pages that links in mails lead to, for deployments without a frontend of their own."""

from abc import ABC, abstractmethod
from typing import Any, Final, cast

from django.core.files.storage import default_storage
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, View

from core.actor import Actor
from core.errors import InputRejectedError, TooManyAttemptsError
from core.http import ActorRequest
from users.accounts import avatars
from users.accounts.forms import AcceptInvitationForm, LinkForm
from users.accounts.identifiers import readable_email
from users.accounts.pictures import TYPE
from users.accounts.services.email_addresses import confirm_email_address
from users.accounts.services.email_change import confirm_email_change
from users.accounts.services.invitation import accept_invitation
from users.accounts.services.sign_up import verify_email

# Nothing runs in a picture, whatever a browser takes it for. Frontends of other hosts show it, and
# its address is another one when it changes.
PICTURE_HEADERS: Final = {
    "Cache-Control": "public, max-age=86400, immutable",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class PictureView(View):
    """Serves people's pictures where no web server does it and no other host has them."""

    http_method_names = ["get", "head", "options"]  # noqa: RUF012 - as Django declares it

    def get(self, _request: HttpRequest, name: str) -> HttpResponse:
        """Read a file of those that we have written, and of no others."""
        if not avatars.NAME.fullmatch(name):
            raise Http404
        try:
            with default_storage.open(name) as file:
                content = file.read()
        except FileNotFoundError:
            raise Http404 from None
        return HttpResponse(content, content_type=f"image/{TYPE}", headers=PICTURE_HEADERS)


# A form that is shown again has the token in it.
@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
class LinkView(FormView, ABC):  # type: ignore[type-arg]
    """Asks for a click before the token is spent, because mail scanners follow links."""

    form_class: type[Form] = LinkForm
    template_name = "accounts/link.html"
    title: Any
    lead: Any
    button: Any
    # For whom the form is not.
    note: Any = ""

    def form_valid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Use the link, and say so or say why not; what can be mended is asked for again."""
        try:
            done = self.use(cast("ActorRequest", self.request).actor, **form.cleaned_data)
        except TooManyAttemptsError as error:
            return self._answer(429, problem=error.text)
        except InputRejectedError as error:
            for problem in error.problems:
                if problem.field == ("token",):
                    return self._answer(400, problem=problem.message)
                name = problem.field[0] if problem.field else None
                form.add_error(name if name in form.fields else None, str(problem.message))
            return self._answer(400, form=form)
        return done if isinstance(done, HttpResponseBase) else self._answer(200, done=done)

    def form_invalid(self, form: Form) -> HttpResponse:
        """Say what is wrong, and that the page needs the link if it was opened without."""
        if "token" in form.errors:
            return self._answer(400, problem=_("Open this page by the link in our mail."))
        return self._answer(400, form=form)

    @abstractmethod
    def use(self, actor: Actor, **fields: str) -> str | HttpResponseBase:
        """Call the service; return what to tell, or what to answer with."""

    def _answer(self, status: int, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(**context), status=status)


class VerifyEmailView(LinkView):
    """Completes a sign-up."""

    title = gettext_lazy("Confirm your e-mail address")
    lead = gettext_lazy("One click, and your account is ready.")
    button = gettext_lazy("Confirm my address")

    def use(self, actor: Actor, **fields: str) -> str:
        """Verify."""
        user = verify_email(fields["token"], actor=actor)
        return account_is_ready(user.username)


class ConfirmEmailView(LinkView):
    """Completes a change of address."""

    title = gettext_lazy("Confirm your new e-mail address")
    lead = gettext_lazy("One click, and this is the address of your account.")
    button = gettext_lazy("Confirm my address")

    def use(self, actor: Actor, **fields: str) -> str:
        """Confirm."""
        user = confirm_email_change(fields["token"], actor=actor)
        return _("Done. From now on we write to %(email)s.") % {"email": readable_email(user.email)}


class ConfirmEmailAddressView(LinkView):
    """Completes the addition of an address."""

    title = gettext_lazy("Confirm your e-mail address")
    lead = gettext_lazy("One click, and this is one more address of your account.")
    button = gettext_lazy("Confirm my address")

    def use(self, actor: Actor, **fields: str) -> str:
        """Confirm."""
        address = confirm_email_address(fields["token"], actor=actor)
        return _("Done. You can sign in with %(email)s now.") % {
            "email": readable_email(address.email)
        }


class AcceptInvitationView(LinkView):
    """Makes an account of an invitation."""

    form_class = AcceptInvitationForm
    title = gettext_lazy("Accept your invitation")
    lead = gettext_lazy("Choose a username and a password, and your account is ready.")
    button = gettext_lazy("Create my account")

    def use(self, actor: Actor, **fields: str) -> str:
        """Accept."""
        user = accept_invitation(actor=actor, **fields)
        return account_is_ready(user.username)


def account_is_ready(username: str) -> str:
    """Return what to tell about a new account."""
    return _(
        "Done. Your account %(username)s is ready: sign in with your username or e-mail address."
    ) % {"username": username}
