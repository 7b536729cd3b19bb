"""Organisations, memberships and invitations, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import DayFilter, MenuItem, ReadOnlyInline, RosterAdmin, Section
from core.admin_filters import ChoicesFilter, RelatedFilter
from users.accounts.admin import PersonalAdmin
from users.organizations.models import Membership, Organization, OrganizationInvitation


class MembershipInline(ReadOnlyInline):
    """The organisation's people, newest first."""

    model = Membership
    fields = ("user", "role", "created_at")
    # That of an index of each organisation's own.
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Read the people along."""
        memberships: QuerySet[Membership] = super().get_queryset(request)
        return memberships.select_related("user")


@admin.register(Organization)
class OrganizationAdmin(RosterAdmin):
    """Organisations and who is in them."""

    menu = MenuItem(Section.ORGANIZATIONS, 1, "corporate_fare")
    list_display = ("name", "created_at")
    list_filter = (("created_at", DayFilter),)
    search_fields = ("name__icontains",)
    search_help_text = _("Any part of the name")
    ordering = ("-id",)
    fields = (("name", "created_at"),)
    inlines = (MembershipInline,)


@admin.register(Membership)
class MembershipAdmin(PersonalAdmin):
    """Who belongs where, by person, organisation or role."""

    menu = MenuItem(Section.ORGANIZATIONS, 2, "diversity_3")
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")
    list_filter = (
        ("user", RelatedFilter),
        ("organization", RelatedFilter),
        ("role", ChoicesFilter),
    )
    # The only order that an index of any size serves, and that of joining.
    ordering = ("-id",)
    sortable_by = ()
    fields = (("user", "organization"), ("role", "created_at"))


@admin.register(OrganizationInvitation)
class OrganizationInvitationAdmin(RosterAdmin):
    """Who was invited where and has not answered."""

    menu = MenuItem(Section.ORGANIZATIONS, 3, "mail")
    list_display = ("email", "organization", "role", "inviter", "created_at", "expires_at")
    list_select_related = ("organization", "inviter")
    list_filter = (
        ("organization", RelatedFilter),
        ("role", ChoicesFilter),
    )
    search_fields = ("email__contains",)
    search_help_text = _("Any part of the address")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("email", "organization"), ("role", "inviter"), ("created_at", "expires_at"))
