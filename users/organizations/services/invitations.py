"""Invitations to organisations: sending, cancellation, acceptance and decline."""

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
from users.accounts.services.validation import Problems, match_locale
from users.accounts.throttling import counts_token
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.errors import OrganizationErrorCode
from users.organizations.models import Membership, Organization, OrganizationInvitation
from users.organizations.policy import may_join, may_look_up, may_manage
from users.organizations.roles import Role
from users.organizations.services.lookup import find_organization, get_role, lock_organization
from users.organizations.throttling import count_invitation

# Bounded, because the API returns pending invitations without pagination.
MAX_PENDING: Final = 100


def invite_to_organization(
    organization_id: UUID | None,
    *,
    actor: Actor,
    email: str,
    role: Role = Role.MEMBER,
    locale: str = "en",
) -> OrganizationInvitation:
    """Invite the owner of an address to an organisation, by a mailed link.

    The result does not depend on whether the address has an account (no enumeration). A later
    invitation of the same address replaces an earlier one. Raises `InputRejectedError` for invalid
    values, if the organisation does not exist, for a member's address and for too many pending
    invitations; `TooManyAttemptsError` and the policy's errors.
    """
    organization, own_role = find_organization(organization_id, actor=actor)
    require(actor, may_manage, own_role, role)
    problems = Problems()
    with problems.of("email", AccountErrorCode.EMAIL_INVALID):
        email = canonical_email(email)
    with problems.of("locale", AccountErrorCode.LOCALE_UNSUPPORTED):
        locale = match_locale(locale)
    problems.refuse_any()
    count_invitation(actor, email)
    with transaction.atomic(durable=True):
        organization, own_role = lock_organization(organization_id, actor=actor)
        require(actor, may_manage, own_role, role)
        if organization.memberships.filter(user__in=User.objects.with_address(email)).exists():
            raise _already_member_error("email")
        organization.invitations.filter(email=email).delete()
        _require_capacity(organization)
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
    """Cancel an invitation and invalidate its link.

    Raises `InputRejectedError` if it does not exist or is not visible, and the policy's errors.
    """
    require(actor, may_look_up)
    visible = OrganizationInvitation.objects.visible_to(actor)
    invitation = visible.filter(pk=invitation_id).first() if invitation_id else None
    if invitation is None:
        raise _invitation_not_found_error()
    _organization, own_role = lock_organization(invitation.organization_id, actor=actor)
    require(actor, may_manage, own_role, Role(invitation.role))
    deleted, _rows = OrganizationInvitation.objects.filter(pk=invitation.pk).delete()
    if not deleted:
        raise _invitation_not_found_error()
    _record(Tag.ORGANIZATION_INVITATION_CANCELED, invitation, actor=actor)


@counts_token
def get_organization_invitation(
    token: str,
    *,
    actor: Actor,  # noqa: ARG001 - for `counts_token`
) -> OrganizationInvitation:
    """Return the invitation of a mailed token, for its reader to see the organisation.

    Raises `InputRejectedError` for an invalid token, and `TooManyAttemptsError`.
    """
    return read_link(OrganizationInvitation, token)


@counts_token
def accept_organization_invitation(token: str, *, actor: Actor) -> Organization:
    """Join an organisation, as the signed-in owner of the invited address.

    Verifies the address if it is the unverified primary one. Raises `InputRejectedError` for an
    invalid token, for an invitation of another address and for a member; `TooManyAttemptsError` and
    the policy's errors.
    """
    require(actor, may_join)
    with transaction.atomic(durable=True):
        invitation = _use_invitation(token)
        user = get_self_for_update(actor.user_id)
        if not user.has_address(invitation.email):
            raise InputRejectedError(
                Problem(
                    OrganizationErrorCode.INVITATION_OF_ANOTHER,
                    _("This invitation is for another e-mail address. Sign in to its account."),
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


@counts_token
def sign_up_by_organization_invitation(
    token: str, *, actor: Actor, username: str, password: str
) -> User:
    """Create an account for the invited address, and add it to the organisation.

    Rejected input does not consume the invitation. Raises `InputRejectedError`, also if
    `settings.SIGN_UP` does not permit the address or it has an account, and `TooManyAttemptsError`.
    """
    # Before any lock, because the check of the password may call an external service.
    email = read_link(OrganizationInvitation, token).email
    check_may_sign_up(email, field="token", is_invited=True)
    user = build_verified_user(email=email, username=username, password=password)
    with transaction.atomic(durable=True):
        invitation = _use_invitation(token)
        try:
            insert_verified_user(user, locale=invitation.locale, actor=actor)
        except InputRejectedError as error:
            if error.problems[0].code is AccountErrorCode.EMAIL_TAKEN:
                raise _account_exists_error() from None
            raise
        _join(user, invitation, actor=actor)
    return user


@counts_token
def decline_organization_invitation(token: str, *, actor: Actor) -> UUID:
    """Decline an invitation by its mailed token, and invalidate the link; return its key.

    Raises `InputRejectedError` for an invalid token, and `TooManyAttemptsError`.
    """
    with transaction.atomic(durable=True):
        invitation = _use_invitation(token)
        _record(Tag.ORGANIZATION_INVITATION_DECLINED, invitation, actor=actor)
    return invitation.pk


def _use_invitation(token: str) -> OrganizationInvitation:
    """Delete and return the invitation of a token, and lock its organisation.

    Call it in a transaction. Raises `InputRejectedError` if the token is invalid, or if its inviter
    may no longer invite.
    """
    organization_id = read_link(OrganizationInvitation, token).organization_id
    # Deadlock order: the organisation before the invitation.
    Organization.objects.select_for_update().filter(pk=organization_id).first()
    invitation = use_link(OrganizationInvitation, token)
    inviter = invitation.inviter
    as_inviter = Actor(user_id=inviter.pk, is_superuser=inviter.is_superuser)
    role = get_role(organization_id, inviter.pk)
    if not (inviter.is_active and may_manage(as_inviter, role, Role(invitation.role))):
        raise link_invalid_error(OrganizationInvitation)
    return invitation


def _join(user: User, invitation: OrganizationInvitation, *, actor: Actor) -> None:
    """Add a user to the locked organisation, in the caller's transaction."""
    if get_role(invitation.organization_id, user.pk):
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


def _require_capacity(organization: Organization) -> None:
    if organization.invitations.count() >= MAX_PENDING:
        raise InputRejectedError(
            Problem(
                OrganizationErrorCode.TOO_MANY_INVITATIONS,
                _(
                    "The organisation has %(max)d pending invitations. Cancel one, or wait until "
                    "one is answered."
                )
                % {"max": MAX_PENDING},
                ("email",),
            )
        )


def _already_member_error(field: str) -> InputRejectedError:
    return InputRejectedError(
        Problem(
            OrganizationErrorCode.ALREADY_MEMBER,
            _("This user is already a member of the organisation."),
            (field,),
        )
    )


def _account_exists_error() -> InputRejectedError:
    return InputRejectedError(
        Problem(
            AccountErrorCode.EMAIL_TAKEN,
            _("This address already has an account. Sign in to it and open the link again."),
            ("token",),
        )
    )


def _invitation_not_found_error() -> InputRejectedError:
    return InputRejectedError(
        Problem(
            GenericErrorCode.NOT_FOUND, _("This invitation does not exist."), ("invitation_id",)
        )
    )
