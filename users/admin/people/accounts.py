"""The pages of profiles, metadata and groups."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, URLField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from users.accounts.models import PROFILE_FIELDS, Metadata, Profile
from users.accounts.policy import (
    may_administer,
    may_edit_profiles,
    may_write_private_metadata,
    may_write_public_metadata,
)
from users.accounts.services.groups import create_group, delete_group, update_group
from users.accounts.services.metadata import change_metadata
from users.accounts.services.permissions import MODEL as CUSTOM_PERMISSION
from users.accounts.services.profile import update_profile
from users.accounts.services.set_change import SetChange
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of
from users.admin.forms import ServiceForm
from users.admin.people.account_forms import MetadataForm, ProfileForm, set_change_from_form
from users.admin.user_related import OnePerUserAdmin

# Shown on one line each.
FULL_NAME = ("given_name", "family_name")
REGION = ("locale", "time_zone")


@admin.register(Profile)
class ProfileAdmin(OnePerUserAdmin):
    """Profiles, which staff edit."""

    menu = MenuItem(Section.PEOPLE, 2, "badge")
    may_change = staticmethod(may_edit_profiles)
    form = ProfileForm
    list_display = ("user", "full_name", "locale", "time_zone", "website")
    formfield_overrides: ClassVar = {URLField: {"assume_scheme": "https"}}
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("user", FULL_NAME),
                    *(name for name in PROFILE_FIELDS if name not in {*FULL_NAME, *REGION}),
                    REGION,
                )
            },
        ),
    )

    def save_model(
        self, request: HttpRequest, obj: Profile, form: ServiceForm, *_change: Any
    ) -> None:
        """Save with the service that the API uses for the user's own profile."""
        update_profile(obj.pk, actor=actor_of(request), **form.changes)

    @admin.display(description=_("name"))
    def full_name(self, profile: Profile) -> str:
        """Show the name, which is stored on the user."""
        return profile.user.name


@admin.register(Metadata)
class MetadataAdmin(OnePerUserAdmin):
    """Metadata of users: staff write the public part, administrators the private part."""

    menu = MenuItem(Section.PEOPLE, 3, "data_object")
    empty_title = _("No one has metadata.")
    empty_text = _("Applications store here what they know about people.")
    may_add = staticmethod(may_write_public_metadata)
    may_change = staticmethod(may_write_public_metadata)
    form = MetadataForm
    list_display = ("user", "public")
    fieldsets = ((None, {"fields": ("user", "public", "private")}),)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Metadata | None = None
    ) -> tuple[str, ...]:
        """Make the private part read-only except for administrators."""
        readonly = super().get_readonly_fields(request, obj)
        return readonly if may_write_private_metadata(actor_of(request)) else (*readonly, "private")

    def save_model(
        self, request: HttpRequest, obj: Metadata, form: MetadataForm, *_change: Any
    ) -> None:
        """Replace the metadata, unless they have changed since the page was rendered."""
        values = form.changes
        if "user" in values:
            obj.user = values.pop("user")
        change_metadata(
            obj.user_id,
            actor=actor_of(request),
            changes=values,
            expected=form.initial_metadata(values),
            replace=True,
        )


def _permission_label(permission: Permission) -> str:
    return f"{permission.name} ({permission.content_type.app_label}.{permission.codename})"


# Importing `GroupAdmin` from Django registers it.
admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(RosterAdmin, DjangoGroupAdmin):
    """Groups and their permissions, which administrators edit."""

    menu = MenuItem(Section.PEOPLE, 4, "groups")
    empty_title = _("There are no groups yet.")
    empty_text = _("Create one to give permissions to several people at once.")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_administer)
    list_display = ("name", "members")
    search_help_text = _("Any part of the name")
    filter_horizontal = ()
    fieldsets = ((None, {"fields": ("name", "permissions")}),)
    actions_detail = ("delete_group",)

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        """Offer what applications check, and what the group has already.

        Django's own permissions open nothing.
        """
        if db_field.name == "permissions":
            offered = Q(content_type__model=CUSTOM_PERMISSION)
            match = request and request.resolver_match
            if match and "object_id" in match.kwargs:
                offered |= Q(group=match.kwargs["object_id"])
            kwargs["queryset"] = (
                Permission.objects.filter(offered).select_related("content_type").distinct()
            )
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "permissions":
            field.label_from_instance = _permission_label
            # The theme changes the class of a widget that is passed to it.
            field.widget = UnfoldAdminSelect2MultipleWidget(choices=field.choices)
            # Django's is about lists that need the control key.
            field.help_text = ""
        return field

    @dialog_action(
        label=_("Delete"),
        icon="delete",
        permission="change",
        path="remove",
        title=_("Delete the group?"),
        text=_("The members lose the permissions of the group."),
    )
    def delete_group(self, dialog: ConfirmedDialog) -> ActionResult:
        """Delete the group."""
        delete_group(dialog.key, actor=dialog.actor)
        return ActionResult(self.list_url, _("The group was deleted."))

    def save_model(
        self,
        request: HttpRequest,
        obj: Group,
        form: ServiceForm,
        change: bool,  # noqa: FBT001 - Django's hook
    ) -> None:
        """Create the group, or save the changes of the form."""
        actor, values = actor_of(request), form.changes
        if not change:
            keys = [permission.pk for permission in values["permissions"]]
            obj.pk = create_group(actor=actor, name=values["name"], permissions=keys).pk
            return
        permissions = SetChange()
        if "permissions" in values:
            permissions = set_change_from_form(form, "permissions", held=obj.permissions)
        update_group(obj.pk, actor=actor, name=values.get("name"), permissions=permissions)

    @admin.display(description=_("people"))
    def members(self, group: Group) -> str:
        """Show a link to the list of members."""
        url = reverse("admin:accounts_user_changelist", query={"groups__id__exact": group.pk})
        return format_html('<a href="{}" class="text-link">{}</a>', url, _("Show"))
