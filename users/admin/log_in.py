"""The sign-in pages of the admin: password, passkey, second factor, and required enrollment.

Signing in creates a session of the service, so the console on the same site is signed in, too.
"""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView
from unfold.widgets import UnfoldAdminPasswordToggleWidget, UnfoldAdminTextInputWidget

from core.errors import DomainError, InputRejectedError, Text, TooManyAttemptsError
from users.accounts.authentication_methods import Method
from users.admin.base import actor_of
from users.admin.kept_input import KeptInput
from users.authentication.errors import AuthenticationErrorCode
from users.authentication.factors.one_time_codes import DIGITS
from users.authentication.services.end_sessions import log_out
from users.authentication.services.mfa import AuthenticatorOutput, verify_second_factor
from users.authentication.services.passkeys import (
    PasskeyUse,
    begin_passkey_authentication,
    log_in_with_passkey,
)
from users.authentication.services.sessions import (
    SecondFactorPending,
    SignInResult,
    Transport,
    log_in,
)
from users.authentication.services.totp import begin_totp_enrollment, confirm_totp_enrollment
from users.authentication.sessions.credentials import session_actor
from users.authentication.sessions.middleware import set_device_cookie, set_session_cookie

NOT_STAFF: Final = _(
    "The credentials are wrong, or this is not a staff account. Check them and try again."
)
# With another error, the pending sign-in has ended.
WRONG_OUTPUT: Final = {
    AuthenticationErrorCode.CODE_INVALID,
    AuthenticationErrorCode.PASSKEY_INVALID,
}
CODE_FIELD = {"autofocus": "", "autocomplete": "one-time-code", "inputmode": "text"}


class _StepForm(forms.Form):
    """A form of a sign-in step, with the input of the page that required it."""

    kept = forms.CharField(required=False, widget=forms.HiddenInput)


class LogInForm(_StepForm):
    """The first step with a password."""

    username = forms.CharField(
        label=_("E-mail address or username"),
        max_length=254,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": "", "autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "current-password"}),
    )


class PasskeyForm(_StepForm):
    """The response of a passkey, as JSON."""

    credential = forms.JSONField(widget=forms.HiddenInput)


class CodeForm(forms.Form):
    """A one-time code or a recovery code."""

    code = forms.CharField(
        label=_("Code"), max_length=64, widget=UnfoldAdminTextInputWidget(attrs=CODE_FIELD)
    )


class SecondStepForm(CodeForm, _StepForm):
    """A code or a passkey's response, and the token of the pending sign-in."""

    mfa_token = forms.CharField(widget=forms.HiddenInput)
    credential = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Require a code unless a passkey has responded."""
        super().__init__(*args, **kwargs)
        self.fields["code"].required = not self.data.get("credential")


class _Step(RedirectURLMixin, FormView):  # type: ignore[type-arg]
    """The base of both sign-in steps."""

    next_page = "admin:index"

    def sign_in(self, signed_in: SignInResult, kept: str) -> HttpResponse | None:
        """Set the session cookie; end the session and return None unless the user is staff."""
        actor = session_actor(signed_in.session, actor_of(self.request))
        if not (signed_in.cookie and signed_in.session.user.is_staff):
            log_out(actor=actor)
            return None
        rotate_token(self.request)
        is_enrollment_due = actor.enrolling_id is not None
        url = reverse("admin:second-factor") if is_enrollment_due else self.get_success_url()
        response: HttpResponse = HttpResponseRedirect(url)
        found = KeptInput.unsealed(kept, user_id=actor.user_id)
        if found and not is_enrollment_due:
            context = {**(self.extra_context or {}), "kept": found, "title": gettext("Signed in")}
            response = render(self.request, "admin/resume.html", context)
        set_session_cookie(response, signed_in.cookie)
        if signed_in.device_token:
            set_device_cookie(response, signed_in.device_token)
        return response

    def refuse(self, form: forms.Form, text: str | None = None) -> HttpResponse:
        """Show the form with an error.

        The default text is the same for wrong credentials and for users who are not staff, so it
        does not confirm a password.
        """
        form.add_error(None, text or str(NOT_STAFF))
        return self.form_invalid(form)


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class LogInView(_Step):
    """The first step: username and password."""

    form_class = LogInForm
    template_name = "admin/log_in.html"

    def form_valid(self, form: LogInForm) -> HttpResponse:
        """Sign in, or continue with the second step."""
        try:
            signed_in = log_in(
                actor=actor_of(self.request),
                login=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                transport=Transport.COOKIE,
                device_token=self.request.COOKIES.get(settings.DEVICE_COOKIE),
            )
        except InputRejectedError:
            return self.refuse(form)
        except TooManyAttemptsError as error:
            return self.refuse(form, str(error.text))
        if isinstance(signed_in, SecondFactorPending):
            view = SecondStepView(extra_context=self.extra_context)
            view.setup(self.request)
            return view.begin(signed_in, form.cleaned_data["kept"])
        return self.sign_in(signed_in, form.cleaned_data["kept"]) or self.refuse(form)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class PasskeyView(_Step):
    """The only step of a sign-in with a passkey, which verifies its user."""

    form_class = PasskeyForm
    template_name = "admin/log_in.html"

    def form_valid(self, form: PasskeyForm) -> HttpResponse:
        """Sign in, or show the form for a password with the problem."""
        kept = form.cleaned_data["kept"]
        try:
            signed_in = log_in_with_passkey(
                form.cleaned_data["credential"],
                actor=actor_of(self.request),
                transport=Transport.COOKIE,
            )
        except InputRejectedError as error:
            return self._show_log_in(kept, error.problems[0].message)
        except TooManyAttemptsError as error:
            return self._show_log_in(kept, error.text)
        return self.sign_in(signed_in, kept) or self._show_log_in(kept, NOT_STAFF)

    def form_invalid(self, form: PasskeyForm) -> HttpResponse:
        """Show the form for a password: the response was no JSON."""
        return self._show_log_in(form.data.get("kept", ""), gettext("The passkey did not respond."))

    def _show_log_in(self, kept: str, problem: Text) -> HttpResponse:
        form = LogInForm(initial={"kept": kept})
        return self.render_to_response(self.get_context_data(form=form, problem=problem))


@sensitive_post_parameters()
@never_cache
@require_POST
def passkey_options(request: HttpRequest) -> JsonResponse:
    """Return the options for `navigator.credentials.get`, for either step."""
    token = request.POST.get("mfa_token")
    use = PasskeyUse.SECOND_FACTOR if token else PasskeyUse.LOG_IN
    try:
        options = begin_passkey_authentication(use, actor=actor_of(request), mfa_token=token)
    except InputRejectedError as error:
        return JsonResponse({"problem": str(error.problems[0].message)}, status=400)
    except TooManyAttemptsError as error:
        return JsonResponse({"problem": str(error.text)}, status=429)
    return JsonResponse(options)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SecondStepView(_Step):
    """The second step: a code or a passkey."""

    form_class = SecondStepForm
    template_name = "admin/second_step.html"

    def begin(self, pending: SecondFactorPending, kept: str) -> HttpResponse:
        """Show the form for a pending sign-in."""
        form = SecondStepForm(initial={"mfa_token": pending.token, "kept": kept})
        return self.render_to_response(self.get_context_data(form=form))

    def form_valid(self, form: SecondStepForm) -> HttpResponse:
        """Complete the sign-in."""
        values = form.cleaned_data
        output = AuthenticatorOutput(_method_of(values["code"]), values["code"])
        if values["credential"]:
            output = AuthenticatorOutput(Method.PASSKEY, answer=values["credential"])
        try:
            signed_in = verify_second_factor(
                values["mfa_token"], output, actor=actor_of(self.request)
            )
        except InputRejectedError as error:
            problem = error.problems[0]
            if problem.code not in WRONG_OUTPUT:
                # The pending sign-in has expired or was completed: start again.
                return HttpResponseRedirect(self.request.get_full_path())
            return self.refuse(form, str(problem.message))
        except TooManyAttemptsError as error:
            return self.refuse(form, str(error.text))
        return self.sign_in(signed_in, values["kept"]) or HttpResponseRedirect(
            reverse("admin:login")
        )


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class EnrollmentView(FormView):  # type: ignore[type-arg]
    """Sets up an authenticator app for users who must have a second factor."""

    form_class = CodeForm
    template_name = "admin/second_factor.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the secret, or process the first code."""
        if "code" in request.POST:
            return super().post(request, *args, **kwargs)
        try:
            enrollment = begin_totp_enrollment(actor=actor_of(request))
        except InputRejectedError:
            return HttpResponseRedirect(reverse("admin:index"))
        except DomainError:
            return HttpResponseRedirect(reverse("admin:login", query={"again": 1}))
        # The SVG is generated by us, from a URI in which everything is escaped.
        image = mark_safe(enrollment.qr_code)  # noqa: S308
        context = self.get_context_data(form=CodeForm(), secret=enrollment.secret, image=image)
        return self.render_to_response(context)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Confirm the enrollment and show the recovery codes."""
        try:
            actor = actor_of(self.request)
            enrolled = confirm_totp_enrollment(form.cleaned_data["code"], actor=actor)
        except InputRejectedError as error:
            form.add_error("code", str(error.problems[0].message))
            return self.form_invalid(form)
        except DomainError as error:
            form.add_error(None, str(error.text))
            return self.form_invalid(form)
        return self.render_to_response(
            self.get_context_data(form=None, recovery_codes=enrolled.recovery_codes)
        )


def _method_of(code: str) -> Method:
    """Return the method of a code by its length: recovery codes are far longer."""
    return Method.TOTP if len(code.strip()) <= 2 * DIGITS else Method.RECOVERY_CODE
