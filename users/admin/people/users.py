"""The pages of users, composed of one mixin per concern."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import EmailField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget

from users.accounts.models import User
from users.accounts.policy import may_administer, may_edit_profiles
from users.accounts.services.administration import FLAGS, IDENTIFIERS, change_user, create_user
from users.accounts.services.profile import USER_FIELDS
from users.admin.base import MenuItem, Section, actor_of
from users.admin.filters import BooleanFilter, DayFilter
from users.admin.forms import ServiceForm
from users.admin.people.account_actions import AccountActions
from users.admin.people.account_forms import NewUserForm, set_change_from_form
from users.admin.people.columns import UserColumns
from users.admin.people.filters import GroupFilter, UndeliverableFilter
from users.admin.people.jobs import JobStart
from users.admin.people.overview import overview_of, with_overview
from users.admin.people.sign_in_actions import SignInActions


@admin.register(User)
class UserAdmin(UserColumns, AccountActions, SignInActions, JobStart):
    """Users. Staff edit profiles; administrators edit identifiers and roles as well."""

    menu = MenuItem(Section.PEOPLE, 1, "person")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_edit_profiles)
    user_field = "pk"
    list_display = ("identity", "address", "is_active", "role", "group_names", "date_joined")
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
    # Indexed columns only.
    sortable_by = ("identity", "address", "date_joined")
    autocomplete_fields = ("groups",)
    # Django's form field rejects addresses that the service accepts.
    formfield_overrides: ClassVar = {
        EmailField: {"form_class": forms.CharField, "widget": UnfoldAdminEmailInputWidget}
    }
    readonly_fields = (
        *("email_verified_at", "email_undeliverable_at", "secondary_addresses", "avatar"),
        *("is_active", "date_joined", "permissions"),
    )
    change_form_before_template = "admin/user_overview.html"
    actions = ("act_on_selected", "export_selected")
    actions_list = ("invite", "act_in_bulk", "export")
    actions_detail = (
        *("profile", "sessions", "events", "remove_avatar"),
        {
            "title": _("Administer"),
            "icon": "admin_panel_settings",
            "items": [
                *("verify_email", "require_reset", "unlock", "end_all_sessions"),
                *("suspend", "schedule_deletion"),
                *("remove_address", "impersonate", "reset_factors"),
            ],
        },
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
                    ("secondary_addresses", "email_undeliverable_at"),
                    ("date_joined", "avatar"),
                    "is_public",
                )
            },
        ),
        (_("Access"), {"fields": ("is_active", *FLAGS, "groups", "permissions")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Exclude service accounts, defer passwords, and prefetch groups (N+1).

        The row of a page has what the page shows of other tables, in the same statement.
        """
        users = super().get_queryset(request).filter(is_service=False)
        users = users.defer("password").prefetch_related("groups")
        match = request.resolver_match
        if match and "object_id" in match.kwargs:
            return with_overview(users, actor_of(request))
        return users

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the overview above the form. It is read when shown: a save redirects."""
        user = self.get_object(request, object_id)
        overview = SimpleLazyObject(lambda: overview_of(user, actor_of(request)))
        context = {"overview": user and overview}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, context | (extra_context or {})
        )
        return response

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: Any = None, **kwargs: Any
    ) -> type[ServiceForm]:
        """Ask for a password only when the account is created."""
        if obj is None:
            kwargs["form"] = NewUserForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Make identifiers and roles read-only except for administrators."""
        if obj is None:
            return ()
        if may_administer(actor_of(request)):
            return self.readonly_fields
        return (*self.readonly_fields, *IDENTIFIERS, *FLAGS, "groups")

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: ServiceForm,
        change: bool,  # noqa: FBT001 - Django's hook
    ) -> None:
        """Create the account, or save all changes of the form with one service call."""
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
            groups=set_change_from_form(form, "groups", held=obj.groups)
            if "groups" in values
            else None,
        )
