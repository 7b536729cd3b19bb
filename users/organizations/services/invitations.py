"""Inviting people to organisations, and what they answer."""

from typing import Final, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.email.addresses import canonical_email
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.accounts.policy import require
from users.accounts.services.create_user import build_verified_user, insert_verified_user
from users.accounts.services.deliverability import clear_undeliverable
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.mailed_links import link_invalid_error, read_link, use_link
from users.accounts.services.sign_up import check_may_sign_up
from users.accounts.services.validation import Problems, check_locale
from users.accounts.throttling import count_token
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.errors import OrganizationErrorCode
from users.organizations.models import Membership, Organization, OrganizationInvitation
from users.organizations.policy import allow_anyone, may_join, may_manage
from users.organizations.roles import Role
from users.organizations.services.lookup import find_organization, get_role, lock_organization
from users.organizations.throttling import count_invitation

# Lists of them are told as a whole.
MAX_PENDING: Final = 100


def invite_to_organization(
    organization_id: UUID | None,
    *,
    actor: Actor,
    email: str,
    role: Role = Role.MEMBER,
    locale: str = "en",
) -> OrganizationInvitation:
    """Offer the owner of an address a place in an organisation, by a mailed link.

    Whether the address has an account makes no difference. A later invitation of the same
    address replaces an earlier one. Raises `InputRejectedError` for bad values, if there is no
    such organisation, for a member's address and if too many are invited already;
    `TooManyAttemptsError` and the policy's errors.
    """
    organization, own = find_organization(organization_id, actor=actor)
    require(actor, may_manage, own, role)
    problems = Problems()
    with problems.of("email", AccountErrorCode.EMAIL_INVALID):
        email = canonical_email(email)
    with problems.of("locale", AccountErrorCode.LOCALE_UNSUPPORTED):
        check_locale(locale)
    problems.refuse_any()
    count_invitation(actor, email)
    with transaction.atomic(durable=True):
        organization, own = lock_organization(organization_id, actor=actor)
        require(actor, may_manage, own, role)
        if organization.memberships.filter(user__in=User.objects.with_address(email)).exists():
            raise _already_member_error("email")
        organization.invitations.filter(email=email).delete()
        _refuse_too_many(organization)
        invitation = OrganizationInvitation.objects.create(
            organization=organization,
            inviter_id=cast("UUID", actor.user_id),
            email=email,
            role=role,
            locale=locale,
            expires_at=timezone.now() + settings.INVITATION_TTL,
        )
        _record(Tag.ORGANIZATION_INVITATION_SENT, invitation, actor=actor, email=email)
    return invitation


@transaction.atomic(durable=True)
def cancel_organization_invitation(invitation_id: UUID | None, *, actor: Actor) -> None:
    """Take an invitation back: its link leads nowhere.

    Raises `InputRejectedError` if there is none to be seen, and the policy's errors.
    """
    require(actor, allow_anyone)
    visible = OrganizationInvitation.objects.visible_to(actor)
    seen = visible.filter(pk=invitation_id).first() if invitation_id else None
    if seen is None:
        raise _invitation_not_found()
    _organization, own = lock_organization(seen.organization_id, actor=actor)
    require(actor, may_manage, own, Role(seen.role))
    deleted, _rows = OrganizationInvitation.objects.filter(pk=seen.pk).delete()
    if not deleted:
        raise _invitation_not_found()
    _record(Tag.ORGANIZATION_INVITATION_CANCELED, seen, actor=actor)


def get_organization_invitation(token: str, *, actor: Actor) -> OrganizationInvitation:
    """Return the invitation to the reader of its mail, which does not name the organisation.

    Raises `InputRejectedError` for a token that does not work, and `TooManyAttemptsError`.
    """
    count_token(actor)
    return read_link(OrganizationInvitation, token)


def accept_organization_invitation(token: str, *, actor: Actor) -> Organization:
    """Join an organisation, as the signed-in owner of the address that was invited.

    The link proves an address that nobody had verified so far. Raises `InputRejectedError` for a
    token that does not work, for somebody else's and for a member; `TooManyAttemptsError` and the
    policy's errors.
    """
    require(actor, may_join)
    count_token(actor)
    with transaction.atomic(durable=True):
        invitation = _use(token)
        user = get_self_for_update(actor.user_id)
        if not user.has_address(invitation.email):
            raise InputRejectedError(
                Problem(
                    OrganizationErrorCode.INVITATION_OF_ANOTHER,
                    _("This invitation is for another address than yours."),
                    ("token",),
                )
            )
        if user.email_verified_at is None and user.email == invitation.email:
            user.email_verified_at = timezone.now()
            user.save(update_fields=["email_verified_at"])
            record(Tag.EMAIL_VERIFIED, actor=actor, subject_id=user.pk)
        clear_undeliverable(invitation.email)
        _join(user, invitation, actor=actor)
    return invitation.organization


def sign_up_by_organization_invitation(
    token: str, *, actor: Actor, username: str, password: str
) -> User:
    """Make an account for the address that was invited, which joins the organisation.

    Input that is refused leaves the invitation as it was. Raises `InputRejectedError`, also if
    `settings.SIGN_UP` keeps the address out or it has an account, and `TooManyAttemptsError`.
    """
    count_token(actor)
    # Before anything is locked, because strength may be asked of another service.
    offer = read_link(OrganizationInvitation, token)
    check_may_sign_up(offer.email, field="token", is_invited=True)
    user = build_verified_user(email=offer.email, username=username, password=password)
    with transaction.atomic(durable=True):
        invitation = _use(token)
        try:
            insert_verified_user(user, locale=invitation.locale, actor=actor)
        except InputRejectedError as error:
            if error.problems[0].code is AccountErrorCode.EMAIL_TAKEN:
                raise _account_exists_error() from None
            raise
        _join(user, invitation, actor=actor)
    return user


def decline_organization_invitation(token: str, *, actor: Actor) -> None:
    """Turn an invitation down, as whoever reads the address: its link leads nowhere.

    Raises `InputRejectedError` for a token that does not work, and `TooManyAttemptsError`.
    """
    count_token(actor)
    with transaction.atomic(durable=True):
        invitation = _use(token)
        _record(Tag.ORGANIZATION_INVITATION_DECLINED, invitation, actor=actor)


def _use(token: str) -> OrganizationInvitation:
    """Remove and return what the token opens, and lock its organisation.

    Call it in the service's transaction. Raises `InputRejectedError` if it leads nowhere, or if
    its inviter may not invite any more.
    """
    seen = read_link(OrganizationInvitation, token)
    # The organisation first, as everybody does who locks both.
    Organization.objects.select_for_update().filter(pk=seen.organization_id).first()
    invitation = use_link(OrganizationInvitation, token)
    inviter = invitation.inviter
    as_inviter = Actor(user_id=inviter.pk, is_superuser=inviter.is_superuser)
    own = get_role(invitation.organization, inviter.pk)
    if not (inviter.is_active and may_manage(as_inviter, own, Role(invitation.role))):
        raise link_invalid_error()
    return invitation


def _join(user: User, invitation: OrganizationInvitation, *, actor: Actor) -> None:
    """Make somebody a member of the locked organisation, in the caller's transaction."""
    if get_role(invitation.organization, user.pk):
        raise _already_member_error("token")
    Membership.objects.create(organization=invitation.organization, user=user, role=invitation.role)
    record(
        Tag.ORGANIZATION_INVITATION_ACCEPTED,
        actor=actor,
        subject_id=user.pk,
        organization=invitation.organization_id,
        role=invitation.role,
        link=invitation.nonce,
    )


def _record(tag: Tag, invitation: OrganizationInvitation, *, actor: Actor, **personal: str) -> None:
    record(
        tag,
        actor=actor,
        subject_id=invitation.nonce,
        personal=personal,
        organization=invitation.organization_id,
        role=invitation.role,
    )


def _refuse_too_many(organization: Organization) -> None:
    if organization.invitations.count() >= MAX_PENDING:
        raise InputRejectedError(
            Problem(
                OrganizationErrorCode.TOO_MANY_INVITATIONS,
                _("At most %(max)d people can be invited at a time.") % {"max": MAX_PENDING},
                ("email",),
            )
        )


def _already_member_error(field: str) -> InputRejectedError:
    return InputRejectedError(
        Problem(
            OrganizationErrorCode.ALREADY_MEMBER, _("This person belongs here already."), (field,)
        )
    )


def _account_exists_error() -> InputRejectedError:
    return InputRejectedError(
        Problem(
            AccountErrorCode.EMAIL_TAKEN,
            _("This address has an account. Sign in with it, and open the link again."),
            ("token",),
        )
    )


def _invitation_not_found() -> InputRejectedError:
    return InputRejectedError(
        Problem(GenericErrorCode.NOT_FOUND, _("There is no such invitation."), ("invitation_id",))
    )
