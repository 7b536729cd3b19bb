"""People, profiles and groups."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import EmailField, Exists, OuterRef, Q, QuerySet, URLField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminEmailInputWidget

from core.admin import (
    DayFilter,
    MenuItem,
    RosterAdmin,
    Section,
    actor_of,
    asked_once,
    gone_on,
)
from core.admin_filters import BooleanFilter, RelatedFilter, sift
from core.admin_forms import ServiceForm
from core.errors import ArgumentInvalidError, InputRejectedError
from core.ids import is_id
from core.search.texts import words_of
from users.accounts.admin_filters import GroupFilter, UndeliverableFilter
from users.accounts.admin_forms import (
    MetadataForm,
    NewUserForm,
    ProfileForm,
    set_change_of,
)
from users.accounts.avatars import url_of
from users.accounts.identifiers import canonical_login, readable_email
from users.accounts.models import PROFILE_FIELDS, Metadata, Profile, User
from users.accounts.permissions import permissions_of
from users.accounts.pictures import AvatarSize
from users.accounts.policy import (
    may_administer,
    may_edit_profiles,
    may_write_private_metadata,
    may_write_public_metadata,
)
from users.accounts.querysets import UserQuerySet
from users.accounts.services.administration import FLAGS, IDENTIFIERS, change_user, create_user
from users.accounts.services.avatar import remove_avatar
from users.accounts.services.groups import create_group, delete_group, update_group
from users.accounts.services.metadata import change_metadata
from users.accounts.services.profile import USER_FIELDS, update_profile
from users.accounts.services.set_change import SetChange


class PersonalAdmin(RosterAdmin):
    """Rows that belong to a person each, and are searched for by the person.

    People are found as by the API: words in any order, by an index of their parts.
    """

    person_field = "user_id"
    # What is searched for is decided below; Django shows the box only if there are fields.
    search_fields: ClassVar[tuple[str, ...]] = ("user__username",)
    search_help_text = _("Name, username, e-mail address or id")
    list_select_related: ClassVar[bool | tuple[str, ...]] = ("user",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the person of an id by it, and others by what is in their names and addresses."""
        term, actor = search_term.replace("\0", "").strip(), actor_of(request)
        if not term:
            return queryset, False
        person_id = known_person(term)
        if person_id:
            return queryset.filter(**{self.person_field: person_id}), False
        try:
            words = words_of(term)
        except ArgumentInvalidError:
            return queryset.none(), False
        if isinstance(queryset, UserQuerySet):
            return queryset.with_words(words, actor), False
        people = User.objects.with_words(words, actor)
        owner = Exists(people.filter(pk=OuterRef(self.person_field)))
        return sift(queryset, Q(owner)), False


def known_person(term: str) -> UUID | None:
    """Return the id that was typed, or that of the person with this address, if it is one."""
    if is_id(term):
        return UUID(term)
    login = canonical_login(term)
    found = User.objects.with_address(login) if "@" in login else User.objects.none()
    return found.values_list("pk", flat=True).first()


@admin.register(User)
class UserAdmin(PersonalAdmin):
    """People. Staff edit what people may edit of themselves; administrators, roles as well."""

    menu = MenuItem(Section.PEOPLE, 1, "person")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_edit_profiles)
    person_field = "pk"
    list_display = ("person", "address", "is_active", "role", "group_names", "date_joined")
    list_filter = (
        ("is_active", BooleanFilter),
        ("is_staff", BooleanFilter),
        ("is_superuser", BooleanFilter),
        ("groups", GroupFilter),
        ("date_joined", DayFilter),
        UndeliverableFilter,
    )
    list_select_related = False
    search_fields = ("username",)
    ordering = ("username",)
    # The columns with an index to list by.
    sortable_by = ("person", "address", "date_joined")
    autocomplete_fields = ("groups",)
    # Not Django's field, whose idea of an address is another than the service's.
    formfield_overrides: ClassVar = {
        EmailField: {"form_class": forms.CharField, "widget": UnfoldAdminEmailInputWidget}
    }
    readonly_fields = (
        *("email_verified_at", "email_undeliverable_at", "further_addresses", "picture"),
        *("is_active", "date_joined", "permissions"),
    )
    actions_detail: tuple[str | dict[str, Any], ...] = (
        "profile",
        "sessions",
        "events",
        "remove_picture",
    )
    add_fieldsets = (
        (None, {"fields": (("email", "username"), "name", "password")}),
        (_("Access"), {"fields": FLAGS}),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("username", "name"),
                    ("email", "email_verified_at"),
                    ("further_addresses", "email_undeliverable_at"),
                    ("date_joined", "picture"),
                    "is_public",
                )
            },
        ),
        (_("Access"), {"fields": ("is_active", *FLAGS, "groups", "permissions")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read the groups of a page of people at once, nobody's password, and no programs."""
        people = super().get_queryset(request).filter(is_service=False)
        return people.defer("password").prefetch_related("groups")

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: Any = None, **kwargs: Any
    ) -> type[ServiceForm]:
        """Ask for a password once, when the account is made."""
        if obj is None:
            kwargs["form"] = NewUserForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Leave identifiers and roles to administrators."""
        if obj is None:
            return ()
        if may_administer(actor_of(request)):
            return self.readonly_fields
        return (*self.readonly_fields, *IDENTIFIERS, *FLAGS, "groups")

    def has_remove_picture_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to staff, of those who have one."""
        if not may_edit_profiles(actor_of(request)):
            return False
        person = self.get_object(request, object_id)
        return person is not None and bool(person.profile.avatar)

    def has_audit_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer the way to the audit trail to its readers."""
        return may_administer(actor_of(request))

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: ServiceForm,
        change: bool,  # noqa: FBT001 - Django's hook
    ) -> None:
        """Create the account, or change all that the form lets its reader edit, or nothing."""
        actor = actor_of(request)
        if not change:
            user = create_user(actor=actor, **form.cleaned_data)
            obj.pk, obj.username = user.pk, user.username
            return
        values = form.changes
        change_user(
            obj.pk,
            actor=actor,
            identifiers={name: values[name] for name in IDENTIFIERS if name in values},
            profile={name: values[name] for name in USER_FIELDS if name in values},
            flags={name: values[name] for name in FLAGS if name in values},
            groups=set_change_of(form, "groups", held=obj.groups) if "groups" in values else None,
        )

    @display(  # type: ignore[untyped-decorator]
        description=_("person"), ordering="username", header=True
    )
    def person(self, user: User) -> list[str]:
        """Show username and name, with initials for the eye."""
        initials = "".join(word[0] for word in user.get_full_name().split()[:2])
        return [user.username, user.name, initials]

    @display(  # type: ignore[untyped-decorator]
        description=_("role"), label={_("Administrator"): "primary", _("Staff"): "info"}
    )
    def role(self, user: User) -> Any:
        """Show the stronger of the two flags."""
        if user.is_superuser:
            return _("Administrator")
        return _("Staff") if user.is_staff else None

    @admin.display(description=_("groups"))
    def group_names(self, user: User) -> str | None:
        """Name them."""
        return ", ".join(group.name for group in user.groups.all()) or None

    @admin.display(description=_("permissions"))
    @asked_once
    def permissions(self, user: User) -> Any:
        """Show what the person may do by Django's permissions, from wherever they have them."""
        if user.is_superuser and user.is_active:
            return _("All there are")
        return ", ".join(permissions_of([user.pk])[user.pk]) or None

    @admin.display(description=_("further addresses"))
    @asked_once
    def further_addresses(self, user: User) -> str | None:
        """Name those that sign in as the primary one does."""
        found = user.email_addresses.order_by("email").values_list("email", flat=True)
        return ", ".join(map(readable_email, found)) or None

    @admin.display(description=_("e-mail"), ordering="email")
    def address(self, user: User) -> str:
        """Show the primary address as people read it, and whether it refuses mail."""
        address = readable_email(user.email)
        if user.email_undeliverable_at is None:
            return address
        mark = '{}<br><span class="text-red-600 dark:text-red-500">{}</span>'
        return format_html(mark, address, _("Undeliverable"))

    @admin.display(description=_("picture"))
    def picture(self, user: User) -> Any:
        """Show what the person is shown by."""
        if not user.profile.avatar:
            return None
        url = url_of(user.profile.avatar, AvatarSize.SMALL)
        return format_html('<img src="{}" alt="" width="64" height="64">', url)

    @action(  # type: ignore[untyped-decorator]
        description=_("Remove the picture"),
        url_path="remove-picture",
        icon="hide_image",
        permissions=["remove_picture"],
        dialog={
            "title": _("Remove the picture?"),
            "description": _("The person can choose another one."),
            "form_submit_text": _("Remove the picture"),
        },
    )
    def remove_picture(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Remove it, once the dialog was confirmed by POST."""
        try:
            user = remove_avatar(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        return gone_on(request, reverse("admin:accounts_user_change", args=[user.pk]))

    @action(  # type: ignore[untyped-decorator]
        description=_("Profile"), url_path="profile", icon="badge", permissions=["view"]
    )
    def profile(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the person's profile."""
        return HttpResponseRedirect(reverse("admin:accounts_profile_change", args=[object_id]))

    @action(  # type: ignore[untyped-decorator]
        description=_("Sessions"), url_path="sessions", icon="devices", permissions=["view"]
    )
    def sessions(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the person's sessions."""
        return _list_of("admin:authentication_session_changelist", object_id)

    @action(  # type: ignore[untyped-decorator]
        description=_("Events"), url_path="events", icon="history", permissions=["audit"]
    )
    def events(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the audit trail about the person."""
        return _list_of("admin:activity_event_changelist", object_id)


def _list_of(view: str, person_id: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(view, query={"q": person_id}))


# Shown on one line each.
FULL_NAME = ("given_name", "family_name")
REGION = ("locale", "time_zone")


@admin.register(Profile)
class ProfileAdmin(PersonalAdmin):
    """What people tell about themselves."""

    menu = MenuItem(Section.PEOPLE, 2, "badge")
    may_change = staticmethod(may_edit_profiles)
    form = ProfileForm
    list_display = ("user", "full_name", "locale", "time_zone", "website")
    list_filter = (("user", RelatedFilter),)
    ordering = ("user__username",)
    sortable_by = ("user",)
    formfield_overrides: ClassVar = {URLField: {"assume_scheme": "https"}}
    readonly_fields = ("user",)
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
        """Hand everything to the service that people use themselves."""
        update_profile(obj.pk, actor=actor_of(request), **form.changes)

    @admin.display(description=_("name"))
    def full_name(self, profile: Profile) -> str:
        """Show the name, which is with the account."""
        return profile.user.name


@admin.register(Metadata)
class MetadataAdmin(PersonalAdmin):
    """What applications note about people: public, for staff; private, for administrators."""

    menu = MenuItem(Section.PEOPLE, 3, "data_object")
    may_add = staticmethod(may_write_public_metadata)
    may_change = staticmethod(may_write_public_metadata)
    form = MetadataForm
    list_display = ("user", "public")
    list_filter = (("user", RelatedFilter),)
    ordering = ("user__username",)
    sortable_by = ("user",)
    autocomplete_fields = ("user",)
    fieldsets = ((None, {"fields": ("user", "public", "private")}),)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Metadata | None = None
    ) -> tuple[str, ...]:
        """Let the person be chosen once, and leave what is private to administrators."""
        person = ("user",) if obj else ()
        is_for_administrator = may_write_private_metadata(actor_of(request))
        return person if is_for_administrator else (*person, "private")

    def save_model(
        self, request: HttpRequest, obj: Metadata, form: MetadataForm, *_change: Any
    ) -> None:
        """Replace what the page showed, unless it is not there any more."""
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


# Importing Django's registered it.
admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(RosterAdmin, DjangoGroupAdmin):
    """Groups and their permissions; for administrators to change."""

    menu = MenuItem(Section.PEOPLE, 4, "groups")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_administer)
    list_display = ("name", "members")
    search_help_text = _("Any part of the name")
    fieldsets = ((None, {"fields": ("name", "permissions")}),)
    actions_detail = ("delete_group",)

    @action(  # type: ignore[untyped-decorator]
        description=_("Delete"),
        url_path="remove",
        icon="delete",
        permissions=["change"],
        dialog={
            "title": _("Delete the group?"),
            "description": _("Its members lose what it permitted."),
            "form_submit_text": _("Delete"),
        },
    )
    def delete_group(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Delete it, once the dialog was confirmed by POST."""
        try:
            delete_group(int(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("The group is gone."))
        return gone_on(request, reverse("admin:auth_group_changelist"))

    def save_model(
        self,
        request: HttpRequest,
        obj: Group,
        form: ServiceForm,
        change: bool,  # noqa: FBT001 - Django's hook
    ) -> None:
        """Create the group, or apply what was changed in the form to it."""
        actor, values = actor_of(request), form.changes
        if not change:
            keys = [permission.pk for permission in values["permissions"]]
            obj.pk = create_group(actor=actor, name=values["name"], permissions=keys).pk
            return
        permissions = SetChange()
        if "permissions" in values:
            permissions = set_change_of(form, "permissions", held=obj.permissions)
        update_group(obj.pk, actor=actor, name=values.get("name"), permissions=permissions)

    @admin.display(description=_("people"))
    def members(self, group: Group) -> str:
        """Show a link, because counting them is for the list behind it."""
        url = reverse("admin:accounts_user_changelist", query={"groups__id__exact": group.pk})
        return format_html('<a href="{}" class="text-link">{}</a>', url, _("Show"))
