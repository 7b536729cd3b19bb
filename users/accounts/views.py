"""Pages for deployments without a frontend of their own."""

from typing import cast

from django.http import HttpResponse
from django.views.generic import FormView

from core.errors import InputRejectedError
from core.http import ActorRequest
from users.accounts.forms import VerifyEmailForm
from users.accounts.services.sign_up import verify_email


class VerifyEmailView(FormView):  # type: ignore[type-arg]
    """Asks for a click before the token is spent, because mail scanners follow links."""

    form_class = VerifyEmailForm
    template_name = "accounts/verify_email.html"

    def form_valid(self, form: VerifyEmailForm) -> HttpResponse:
        """Verify, and say so or say why not."""
        request = cast("ActorRequest", self.request)
        try:
            user = verify_email(form.cleaned_data["token"], actor=request.actor)
        except InputRejectedError as error:
            context = self.get_context_data(problem=error.problems[0].message)
            return self.render_to_response(context, status=400)
        return self.render_to_response(self.get_context_data(verified=user))
