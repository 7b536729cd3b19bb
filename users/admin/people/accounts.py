"""The base of pages of user-related rows, and the pages of profiles, metadata and groups."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet, URLField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from core.database.ids import is_id
from core.database.search.texts import words_of
from core.errors import ArgumentInvalidError
from users.accounts.identifiers import canonical_login
from users.accounts.models import PROFILE_FIELDS, Metadata, Profile, User, UserQuerySet
from users.accounts.policy import (
    may_administer,
    may_edit_profiles,
    may_write_private_metadata,
    may_write_public_metadata,
)
from users.accounts.services.groups import create_group, delete_group, update_group
from users.accounts.services.metadata import change_metadata
from users.accounts.services.profile import update_profile
from users.accounts.services.set_change import SetChange
from users.admin.actions import Confirmed, Done, dialog_action
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of
from users.admin.filters import RelatedFilter, filter_unindexed
from users.admin.forms import ServiceForm
from users.admin.people.account_forms import MetadataForm, ProfileForm, set_change_from_form


class UserRelatedAdmin(RosterAdmin):
    """The page of a model whose rows belong to one user each; the search matches users.

    It is the API's search: words in any order, served by a trigram index.
    """

    user_field = "user_id"
    # Django shows the search box only if there are fields; `get_search_results` ignores them.
    search_fields: ClassVar[tuple[str, ...]] = ("user__username",)
    search_help_text = _("Name, username, e-mail address or id")
    list_select_related: ClassVar[bool | tuple[str, ...]] = ("user",)

    def has_administer_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer an action to administrators."""
        return may_administer(actor_of(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by id or whole e-mail address, otherwise by words of names and addresses."""
        term, actor = search_term.replace("\0", "").strip(), actor_of(request)
        if not term:
            return queryset, False
        user_id = find_user_id(term)
        if user_id:
            return queryset.filter(**{self.user_field: user_id}), False
        try:
            words = words_of(term)
        except ArgumentInvalidError:
            return queryset.none(), False
        if isinstance(queryset, UserQuerySet):
            return queryset.matching_words(words, actor), False
        users = User.objects.matching_words(words, actor)
        owner = Exists(users.filter(pk=OuterRef(self.user_field)))
        return filter_unindexed(queryset, Q(owner)), False


def find_user_id(term: str) -> UUID | None:
    """Return the id of the user whom a whole id or e-mail address identifies."""
    if is_id(term):
        return UUID(term)
    login = canonical_login(term)
    found = User.objects.with_address(login) if "@" in login else User.objects.none()
    return found.values_list("pk", flat=True).first()


# Shown on one line each.
FULL_NAME = ("given_name", "family_name")
REGION = ("locale", "time_zone")


class OnePerUserAdmin(UserRelatedAdmin):
    """The page of a model with at most one row per user; adding a row selects the user."""

    list_filter: ClassVar[tuple[Any, ...]] = (("user", RelatedFilter),)
    ordering = ("user__username",)
    sortable_by: ClassVar[tuple[str, ...]] = ("user",)
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Make the user of an existing row read-only."""
        return ("user",) if obj else ()


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


# Importing `GroupAdmin` from Django registers it.
admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(RosterAdmin, DjangoGroupAdmin):
    """Groups and their permissions, which administrators edit."""

    menu = MenuItem(Section.PEOPLE, 4, "groups")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_administer)
    list_display = ("name", "members")
    search_help_text = _("Any part of the name")
    fieldsets = ((None, {"fields": ("name", "permissions")}),)
    actions_detail = ("delete_group",)

    @dialog_action(
        label=_("Delete"),
        icon="delete",
        permission="change",
        path="remove",
        title=_("Delete the group?"),
        text=_("The members lose the permissions of the group."),
    )
    def delete_group(self, run_confirmed: Confirmed) -> Done:
        """Delete the group."""
        delete_group(run_confirmed.key, actor=run_confirmed.actor)
        return Done(self.list_url, _("The group was deleted."))

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
        """Show a link to the list of members: a count per group would read every membership."""
        url = reverse("admin:accounts_user_changelist", query={"groups__id__exact": group.pk})
        return format_html('<a href="{}" class="text-link">{}</a>', url, _("Show"))
