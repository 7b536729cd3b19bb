"""The pages of API tokens and service accounts."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from users.accounts.policy import may_administer
from users.accounts.services.administration import FLAGS
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action, page_action
from users.admin.base import MenuItem, Section, actor_of, is_administrator
from users.admin.filters import BooleanFilter, DayFilter, RelatedFilter
from users.admin.forms import ServiceForm
from users.admin.user_related import UserRelatedAdmin
from users.authentication.models import ApiToken, ApiTokenQuerySet, ServiceAccount
from users.authentication.services.api_tokens import revoke_api_token
from users.authentication.services.service_accounts import (
    create_service_account,
    deactivate_service_account,
)


@admin.register(ApiToken)
class ApiTokenAdmin(UserRelatedAdmin):
    """API tokens, which administrators revoke."""

    menu = MenuItem(Section.ACTIVITY, 2, "key")
    empty_title = _("No API token is in use.")
    empty_text = _("People and service accounts create them by the API.")
    may_view = staticmethod(is_administrator)
    list_display = ("name", "user", "scope_names", "last_used_at", "expires_at")
    list_filter = (("user", RelatedFilter), ("expires_at", DayFilter))
    ordering = ("-id",)
    sortable_by = ("expires_at",)
    fields = (
        ("name", "user"),
        "scope_names",
        ("created_at", "last_used_at"),
        ("rotated_at", "expires_at"),
    )
    readonly_fields = ("scope_names",)
    actions_detail = ("revoke",)

    def title_of(self, row: ApiToken) -> str:
        """Return the token's name."""
        return row.name

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Exclude expired tokens and defer their digests."""
        tokens = cast("ApiTokenQuerySet", super().get_queryset(request))
        return tokens.active().defer("digest")

    @admin.display(description=_("scopes"))
    def scope_names(self, token: ApiToken) -> str:
        """Show the scopes, separated by commas."""
        return ", ".join(token.scopes)

    @dialog_action(
        label=_("Revoke"),
        icon="key_off",
        permission="administer",
        title=_("Revoke the token?"),
        text=_("Programs that use it lose access immediately."),
    )
    def revoke(self, dialog: ConfirmedDialog) -> ActionResult:
        """Revoke the token."""
        revoke_api_token(dialog.key, actor=dialog.actor)
        return ActionResult(self.list_url, _("The token was revoked."))


@admin.register(ServiceAccount)
class ServiceAccountAdmin(UserRelatedAdmin):
    """Service accounts, which administrators create and deactivate."""

    menu = MenuItem(Section.PEOPLE, 7, "smart_toy")
    empty_title = _("There are no service accounts yet.")
    empty_text = _("Create one for a program that uses the API in its own name.")
    may_add = staticmethod(may_administer)
    user_field = "pk"
    search_fields = ("username",)
    search_help_text = _("Name, username or id")
    list_display = ("username", "name", "is_active", *FLAGS, "date_joined")
    list_filter = (("is_active", BooleanFilter),)
    list_select_related = False
    ordering = ("username",)
    sortable_by = ("username",)
    fields = (("username", "name"), ("is_active", "date_joined"), *FLAGS)
    add_fieldsets = ((None, {"fields": ("username", "name", *FLAGS)}),)
    actions_detail = ("tokens", "deactivate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        """Limit the rows to service accounts and defer their passwords."""
        return super().get_queryset(request).filter(is_service=True).defer("password")

    def save_model(
        self, request: HttpRequest, obj: ServiceAccount, form: ServiceForm, *_change: Any
    ) -> None:
        """Create the account."""
        user = create_service_account(actor=actor_of(request), **form.cleaned_data)
        obj.pk, obj.username = user.pk, user.username

    @page_action(label=_("API tokens"), icon="key", permission="administer")
    def tokens(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the list of the account's tokens."""
        url = reverse("admin:authentication_apitoken_changelist", query={"q": object_id})
        return HttpResponseRedirect(url)

    @dialog_action(
        label=_("Deactivate"),
        icon="block",
        permission="administer",
        title=_("Deactivate the service account?"),
        text=_("All its tokens are revoked immediately."),
    )
    def deactivate(self, dialog: ConfirmedDialog) -> ActionResult:
        """Deactivate the service account."""
        user = deactivate_service_account(dialog.key, actor=dialog.actor)
        message = _("%(service)s was deactivated.") % {"service": user.username}
        return ActionResult(self.list_url, message)
