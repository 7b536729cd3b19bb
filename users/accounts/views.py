"""Pages of mailed links, for deployments without a frontend, and avatars."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, View

from core.errors import InputRejectedError, Text, TooManyAttemptsError
from core.security.actor import Actor
from core.web.forms import add_problems
from core.web.request import ActorRequest
from users.accounts.avatars import storage as avatars
from users.accounts.avatars.images import TYPE
from users.accounts.forms import (
    AcceptInvitationForm,
    ClaimSignUpForm,
    ConfirmAsForm,
    ConfirmForm,
    EmailForm,
    LinkForm,
)
from users.accounts.identifiers import readable_email
from users.accounts.models import EmailChange, Invitation, SignUp
from users.accounts.services.email_addresses import confirm_email_address
from users.accounts.services.email_change import confirm_email_change
from users.accounts.services.invitation import accept_invitation
from users.accounts.services.sign_up import resend_verification, verify_email

# The policy prevents script execution if a browser sniffs another type. Frontends on other origins
# embed avatars; a changed avatar has a new URL, so it is immutable.
AVATAR_HEADERS: Final = {
    "Cache-Control": "public, max-age=86400, immutable",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class AvatarView(View):
    """Serves avatars, unless a web server or an object store does."""

    http_method_names = ["get", "head", "options"]  # noqa: RUF012 - as Django declares it

    def get(self, _request: HttpRequest, name: str) -> HttpResponse:
        """Return the file of an avatar; other names are not found (path traversal)."""
        if not avatars.NAME.fullmatch(name):
            raise Http404
        try:
            with default_storage.open(name) as file:
                content = file.read()
        except FileNotFoundError:
            raise Http404 from None
        return HttpResponse(content, content_type=f"image/{TYPE}", headers=AVATAR_HEADERS)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next: on the page ``url_name``, or elsewhere if there is none."""

    text: Any
    url_name: str = ""
    label: Any = ""


# Not cached, because a form that is shown again contains the token.
@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
class MailedLinkView(FormView, ABC):  # type: ignore[type-arg]
    """The page of a mailed link: a form that calls one service.

    The token is consumed by POST only, because mail scanners follow links. Subclasses set the texts
    and call the service in `use`.
    """

    form_class: type[Form] = LinkForm
    # Replaces the form after a problem with a field that the form lacks.
    full_form_class: type[Form] | None = None
    template_name = "accounts/link.html"
    title: Any
    lead: Any
    button: Any
    # Shown above the form, before a link to sign in.
    note: Any = ""
    # Name and label of a second button, which shows another form.
    alternative: tuple[str, Any] | None = None
    # How to get another link, shown when this one is missing, used or expired.
    renewal: NextStep | None = None
    # What some users should do after success, before they continue.
    follow_up: NextStep | None = None
    # Whether the next step after success is another mail.
    continues_by_mail = False

    @property
    def actor(self) -> Actor:
        """The actor of the request."""
        return cast("ActorRequest", self.request).actor

    def form_valid(self, form: Form) -> HttpResponseBase:  # type: ignore[override]
        """Call the service."""
        return self.respond(form, self.use)

    def respond(
        self, form: Form, service: Callable[..., str | HttpResponseBase]
    ) -> HttpResponseBase:
        """Call a service with the form's values, and show the result or the problems.

        A problem with the token replaces the form; other problems are shown in it.
        """
        try:
            done = service(**form.cleaned_data)
        except TooManyAttemptsError as error:
            return self._answer(429, problem=error.text)
        except InputRejectedError as error:
            fields = {name for problem in error.problems for name in problem.field}
            if self.full_form_class and not fields <= form.fields.keys() | {"token"}:
                form = self.full_form_class(self.request.POST)
                form.is_valid()
            for problem in error.problems:
                if problem.field == ("token",):
                    return self._answer(400, problem=problem.message)
            add_problems(form, error.problems)
            return self._answer(400, form=form)
        return done if isinstance(done, HttpResponseBase) else self._answer(200, done=done)

    def form_invalid(self, form: Form) -> HttpResponse:
        """Show the problems or, without a token, ask for the link."""
        if "token" in form.errors:
            return self._answer(400, problem=_("Open this page with the link in our mail."))
        return self._answer(400, form=form)

    @abstractmethod
    def use(self, **fields: str) -> str | HttpResponseBase:
        """Call the service; return a message to show, or a response."""

    def _answer(self, status: int, *, problem: Text = "", **context: Any) -> HttpResponse:
        # The problem with a link says the text of the renewal already.
        text = str(self.renewal.text) if self.renewal else ""
        context |= {"problem": problem, "renewal_text": "" if text in str(problem) else text}
        next_url = settings.AFTER_LINK_URL or reverse("done")
        context = self.get_context_data(next_url=next_url, **context)
        return self.render_to_response(context, status=status)


class VerifyEmailView(MailedLinkView):
    """Completes a sign-up, by its password or with a new username and password."""

    form_class = ConfirmForm
    full_form_class = ConfirmAsForm
    title = gettext_lazy("Confirm your e-mail address")
    button = gettext_lazy("Confirm my address")
    renewal = NextStep(
        SignUp.renewal,
        "resend-verification",
        gettext_lazy("Request a new link"),
    )

    @property
    def lead(self) -> str:
        """Instructions for the form that is shown."""
        if self._claims:
            return _(
                "Choose your own username and password. They replace those of the sign-up with "
                "your address."
            )
        return _("Enter the password that you signed up with. Then your account is ready.")

    @property
    def alternative(self) -> tuple[str, str] | None:  # type: ignore[override]
        """A button for users who do not know the password."""
        return None if self._claims else ("claim", _("I did not sign up, or I forgot the password"))

    @property
    def _claims(self) -> bool:
        return "claim" in self.request.POST

    def get_form_class(self) -> type[Form]:
        """Return the form that the user selected."""
        if self._claims:
            return ClaimSignUpForm
        return ConfirmAsForm if "username" in self.request.POST else ConfirmForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return an unbound form when the user selects the other form."""
        kwargs = super().get_form_kwargs()
        if self._claims and "username" not in self.request.POST:
            return {"initial": {"token": self.request.POST.get("token", "")}}
        return kwargs

    def form_invalid(self, form: Form) -> HttpResponse:
        """Show the problems, but none for an unbound form."""
        return super().form_invalid(form) if form.is_bound else self._answer(200, form=form)

    def use(self, **fields: str) -> str:
        """Verify the address."""
        values = {
            name: fields[name]
            for name in ("password", "new_password", "username")
            if fields.get(name)
        }
        user = verify_email(fields["token"], actor=self.actor, **values)
        return account_is_ready(user.username)


class ResendVerificationView(MailedLinkView):
    """Page that requests another link of a sign-up, with the same response for any address."""

    form_class = EmailForm
    title = gettext_lazy("Confirm your e-mail address")
    lead = gettext_lazy("We will mail you a new link to finish your sign-up.")
    button = gettext_lazy("Send the link")
    continues_by_mail = True

    def use(self, **fields: str) -> str:
        """Request the mail."""
        resend_verification(fields["email"], actor=self.actor)
        return _("If a sign-up waits for this address, we have sent a mail with a new link.")


class OwnersLinkView(MailedLinkView):
    """A link for a user who is signed in or enters the password."""

    full_form_class = ConfirmForm

    def get_form_class(self) -> type[Form]:
        """Return the form without a password if a user is signed in."""
        return LinkForm if self.actor.is_authenticated else ConfirmForm

    @property
    def note(self) -> str:
        """Explain which password to enter, and the alternative."""
        if self.actor.is_authenticated:
            return ""
        return _(
            "Enter that account's password, or sign in to it and open the link in our mail again."
        )


class ConfirmAddressView(OwnersLinkView):
    """Confirms an address of a user."""

    renewal = NextStep(EmailChange.renewal)
    button = gettext_lazy("Confirm my address")
    service: ClassVar[Callable[..., Any]]
    # The message of success, with the placeholder ``email``.
    done: Any

    def use(self, **fields: str) -> str:
        """Confirm the address."""
        password = fields.get("password") or None
        confirmed = self.service(fields["token"], actor=self.actor, password=password)
        return str(self.done) % {"email": readable_email(confirmed.email)}


class ConfirmEmailView(ConfirmAddressView):
    """Completes a change of the primary address."""

    title = gettext_lazy("Confirm your new e-mail address")
    lead = gettext_lazy(
        "Confirm it to make it the primary address of the account that requested it."
    )
    done = gettext_lazy("Done. We will write to %(email)s.")
    service = staticmethod(confirm_email_change)


class ConfirmEmailAddressView(ConfirmAddressView):
    """Completes the addition of a secondary address."""

    title = gettext_lazy("Confirm your e-mail address")
    lead = gettext_lazy("Confirm it to add it to the account that requested it.")
    done = gettext_lazy("Done. You can sign in with %(email)s now.")
    service = staticmethod(confirm_email_address)


class AcceptInvitationView(MailedLinkView):
    """Creates the account of an invitation."""

    form_class = AcceptInvitationForm
    title = gettext_lazy("Accept your invitation")
    lead = gettext_lazy("Choose a username and a password. Then your account is ready.")
    button = gettext_lazy("Create my account")
    renewal = NextStep(Invitation.renewal)

    def use(self, **fields: str) -> str:
        """Accept the invitation."""
        user = accept_invitation(actor=self.actor, **fields)
        return account_is_ready(user.username)


def account_is_ready(username: str) -> str:
    """Return the message about a new account."""
    return _(
        "Done. Your account %(username)s is ready: sign in with your username or e-mail address."
    ) % {"username": username}
