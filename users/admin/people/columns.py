"""Computed columns and read-only fields of users."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from users.accounts.avatars.images import AvatarSize
from users.accounts.avatars.storage import avatar_url
from users.accounts.identifiers import readable_email
from users.accounts.models import User
from users.admin.user_related import UserRelatedAdmin


class UserColumns(UserRelatedAdmin):
    """Computed columns of the list, and read-only fields of the page."""

    @display(  # type: ignore[untyped-decorator]
        description=_("person"), ordering="username", header=True
    )
    def identity(self, user: User) -> list[str]:
        """Show the username and the name beside the initials."""
        initials = "".join(word[0] for word in user.get_full_name().split()[:2])
        return [user.username, user.name, initials]

    @display(  # type: ignore[untyped-decorator]
        description=_("role"), label={_("Administrator"): "primary", _("Staff"): "info"}
    )
    def role(self, user: User) -> Any:
        """Show the higher of the user's roles."""
        if user.is_superuser:
            return _("Administrator")
        return _("Staff") if user.is_staff else None

    @admin.display(description=_("groups"))
    def group_names(self, user: User) -> str | None:
        """Show the names, separated by commas."""
        return ", ".join(group.name for group in user.groups.all()) or None

    @admin.display(description=_("permissions"))
    def permissions(self, user: Any) -> Any:
        """Show the Django permissions of the user and the user's groups."""
        if not user.is_active:
            return None
        return (
            _("All permissions") if user.is_superuser else ", ".join(user.shown_permissions) or None
        )

    @admin.display(description=_("secondary addresses"))
    def secondary_addresses(self, user: Any) -> str | None:
        """Show the secondary addresses."""
        return ", ".join(map(readable_email, user.shown_addresses)) or None

    @admin.display(description=_("e-mail"), ordering="email")
    def address(self, user: User) -> str:
        """Show the primary address in readable (Unicode) form, and whether it is undeliverable."""
        address = readable_email(user.email)
        if user.email_undeliverable_at is None:
            return address
        mark = '{}<br><span class="text-red-600 dark:text-red-500">{}</span>'
        return format_html(mark, address, _("Undeliverable"))

    @admin.display(description=_("avatar"))
    def avatar(self, user: User) -> Any:
        """Show the avatar."""
        if not user.profile.avatar:
            return None
        url = avatar_url(user.profile.avatar, AvatarSize.SMALL)
        return format_html('<img src="{}" alt="" width="64" height="64">', url)
