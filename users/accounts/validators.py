"""Password rules that Django does not bring."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from users.accounts.models import User


class MaximumLengthValidator:
    """Bounds the work that a password can cause; 128 characters leave room for passphrases."""

    max_length = 128

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if the password is longer."""
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _("Your password can have at most %(max)d characters.") % {"max": self.max_length}


class DemoPasswordValidator:
    """Refuses the documented demo password wherever it is not the demo."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Raise `ValidationError` if the password is the one in the documentation."""
        if password == settings.DEFAULT_DEMO_PASSWORD and not settings.DEMO:
            raise ValidationError(self.get_help_text())

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _("Your password can’t be the one from the documentation.")
