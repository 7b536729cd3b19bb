"""The read-only pages of organisations, memberships and invitations."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.database.search.texts import in_name_order, words_of
from core.errors import ArgumentInvalidError
from users.accounts.identifiers import canonical_part, readable_email
from users.admin.base import MenuItem, ReadOnlyInline, RosterAdmin, Section, actor_of
from users.admin.filters import ChoicesFilter, DayFilter, RelatedFilter
from users.admin.user_related import UserRelatedAdmin
from users.organizations.models import (
    Membership,
    Organization,
    OrganizationInvitation,
    OrganizationQuerySet,
)


class MembershipInline(ReadOnlyInline):
    """The members of an organisation, newest first."""

    model = Membership
    fields = ("user", "role", "created_at")
    # The order of the index that starts with the organisation.
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Read the users in the same statement."""
        memberships: QuerySet[Membership] = super().get_queryset(request)
        return memberships.select_related("user")


@admin.register(Organization)
class OrganizationAdmin(RosterAdmin):
    """Organisations and their members."""

    menu = MenuItem(Section.ORGANIZATIONS, 1, "corporate_fare")
    empty_title = _("There are no organisations yet.")
    empty_text = _("They are created by the API or by an import.")
    list_display = ("shown_name", "created_at")
    list_filter = (("created_at", DayFilter),)
    # Django shows the search box only if there are fields; `get_search_results` ignores them.
    search_fields = ("name",)
    search_help_text = _("Any parts of the name")
    ordering = ("-id",)
    fields = (("name", "created_at"),)
    inlines = (MembershipInline,)

    @admin.display(description=_("name"), ordering=in_name_order("name"))
    def shown_name(self, organization: Organization) -> str:
        """Show the name, in the order that an index serves."""
        return organization.name

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search words as the API does, which an index serves."""
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        try:
            words = words_of(term)
        except ArgumentInvalidError:
            return queryset.none(), False
        organizations = cast("OrganizationQuerySet", queryset)
        return organizations.matching_words(words, actor_of(request)), False


@admin.register(Membership)
class MembershipAdmin(UserRelatedAdmin):
    """Memberships by user, organisation or role."""

    menu = MenuItem(Section.ORGANIZATIONS, 2, "diversity_3")
    empty_title = _("No organisation has members yet.")
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")
    list_filter = (
        ("user", RelatedFilter),
        ("organization", RelatedFilter),
        ("role", ChoicesFilter),
    )
    # By primary key: an index serves it, and it is the order of joining.
    ordering = ("-id",)
    sortable_by = ()
    fields = (("user", "organization"), ("role", "created_at"))


@admin.register(OrganizationInvitation)
class OrganizationInvitationAdmin(RosterAdmin):
    """Pending invitations."""

    menu = MenuItem(Section.ORGANIZATIONS, 3, "mail")
    empty_title = _("No invitation is open.")
    empty_text = _("Owners and administrators of organisations send them.")
    list_display = ("address", "organization", "role", "inviter", "created_at", "expires_at")
    list_select_related = ("organization", "inviter")
    list_filter = (
        ("organization", RelatedFilter),
        ("role", ChoicesFilter),
    )
    search_fields = ("email__contains",)
    search_help_text = _("Any part of the address")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("address", "organization"), ("role", "inviter"), ("created_at", "expires_at"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for the canonical form of the term: domains may be typed in Unicode."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, canonical_part(search_term)
        )
        return found

    @admin.display(description=_("e-mail"))
    def address(self, invitation: OrganizationInvitation) -> str:
        """Show the address in its readable (Unicode) form."""
        return readable_email(invitation.email)
