"""API tokens, to look at and to revoke, and the accounts of programs."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.admin import (
    DayFilter,
    MenuItem,
    Section,
    actor_of,
    administrators,
    gone_on,
)
from core.admin_filters import BooleanFilter, RelatedFilter
from core.admin_forms import ServiceForm
from core.errors import InputRejectedError
from users.accounts.admin import PersonalAdmin
from users.accounts.policy import may_administer
from users.accounts.services.administration import FLAGS
from users.authentication.models import ApiToken, ServiceAccount
from users.authentication.services.api_tokens import revoke_api_token
from users.authentication.services.service_accounts import (
    create_service_account,
    deactivate_service_account,
)


@admin.register(ApiToken)
class ApiTokenAdmin(PersonalAdmin):
    """What programs speak for people by; administrators revoke it."""

    menu = MenuItem(Section.ACTIVITY, 2, "key")
    may_view = staticmethod(administrators)
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Leave the digests where they are, and out what has run out."""
        tokens = super().get_queryset(request).filter(expires_at__gt=Now())
        return tokens.defer("digest")

    def has_revoke_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer it to administrators."""
        return may_administer(actor_of(request))

    @admin.display(description=_("scopes"))
    def scope_names(self, token: ApiToken) -> str:
        """Put them on one line."""
        return ", ".join(token.scopes)

    @action(  # type: ignore[untyped-decorator]
        description=_("Revoke"),
        url_path="revoke",
        icon="key_off",
        permissions=["revoke"],
        dialog={
            "title": _("Revoke the token?"),
            "description": _("Whatever uses it stops working at once."),
            "form_submit_text": _("Revoke"),
        },
    )
    def revoke(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Revoke the token, once the dialog was confirmed by POST."""
        try:
            revoke_api_token(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("The token does not work any more."))
        return gone_on(request, reverse("admin:authentication_apitoken_changelist"))


@admin.register(ServiceAccount)
class ServiceAccountAdmin(PersonalAdmin):
    """Accounts of programs; administrators make and shut them."""

    menu = MenuItem(Section.PEOPLE, 7, "smart_toy")
    may_add = staticmethod(may_administer)
    person_field = "pk"
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
        """Read programs alone."""
        return super().get_queryset(request).filter(is_service=True).defer("password")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for what makes an account, once."""
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def has_deactivate_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer it, and the tokens, to administrators."""
        return may_administer(actor_of(request))

    def save_model(
        self, request: HttpRequest, obj: ServiceAccount, form: ServiceForm, *_change: Any
    ) -> None:
        """Create the account."""
        user = create_service_account(actor=actor_of(request), **form.cleaned_data)
        obj.pk, obj.username = user.pk, user.username

    @action(  # type: ignore[untyped-decorator]
        description=_("API tokens"), url_path="tokens", icon="key", permissions=["deactivate"]
    )
    def tokens(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the program's tokens."""
        url = reverse("admin:authentication_apitoken_changelist", query={"q": object_id})
        return HttpResponseRedirect(url)

    @action(  # type: ignore[untyped-decorator]
        description=_("Deactivate"),
        url_path="deactivate",
        icon="block",
        permissions=["deactivate"],
        dialog={
            "title": _("Deactivate the service account?"),
            "description": _("All its tokens are revoked at once."),
            "form_submit_text": _("Deactivate"),
        },
    )
    def deactivate(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Shut the program out, once the dialog was confirmed by POST."""
        try:
            user = deactivate_service_account(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("%(service)s is shut out.") % {"service": user.username})
        return gone_on(request, reverse("admin:authentication_serviceaccount_changelist"))
