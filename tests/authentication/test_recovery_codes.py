"""Recovery codes."""

import re

from tests.support.client import GraphQLClient
from tests.support.second_factors import FACTORS, REGENERATE, half_log_in, set_up_totp, verify
from tests.support.signing_in import ClientOf, tags
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import RecoveryCode


def test_recovery_code_is_single_use_in_any_notation(client_of: ClientOf, alice: User) -> None:
    _secret, codes = set_up_totp(client_of(alice))
    typed = f"  {codes[0].upper().replace('-', ' ').replace('1', 'l').replace('0', 'O')} "
    answer = verify(half_log_in(), recoveryCode=typed)
    assert answer.problems == []
    for again in (codes[0], typed):
        refused = verify(half_log_in(), recoveryCode=again)
        assert refused.problems == [("CODE_INVALID", "recoveryCode")]
    client = GraphQLClient(answer.data["verifySecondFactor"]["accessToken"])
    assert client(FACTORS).data["me"]["recoveryCodesLeft"] == 9
    (event,) = Event.objects.filter(tag="factor:recovery_code:use")
    assert event.data == {"left": 9}


def test_recovery_codes_have_120_random_bits(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    _secret, codes = set_up_totp(client)
    for _set in range(9):
        codes += client(REGENERATE).data["regenerateRecoveryCodes"]["recoveryCodes"]
    assert len(set(codes)) == 100
    assert all(re.fullmatch("([0-9a-hjkmnp-tv-z]{6}-){3}[0-9a-hjkmnp-tv-z]{6}", x) for x in codes)
    # 24 characters of five bits each; every position uses the whole alphabet.
    for place in zip(*(code.replace("-", "") for code in codes), strict=True):
        assert len(set(place)) > 16
    assert RecoveryCode.objects.count() == 10


def test_new_recovery_codes_replace_the_former_ones(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    _secret, former = set_up_totp(client)
    codes = client(REGENERATE).data["regenerateRecoveryCodes"]["recoveryCodes"]
    assert not {*former} & {*codes}
    refused = verify(half_log_in(), recoveryCode=former[0])
    assert refused.problems == [("CODE_INVALID", "recoveryCode")]
    assert verify(half_log_in(), recoveryCode=codes[0]).problems == []
    assert "factor:recovery_code:regenerate" in tags()


def test_recovery_codes_require_a_factor(client_of: ClientOf, alice: User) -> None:
    assert client_of(alice)(REGENERATE).problems == [("NOT_FOUND", "")]
    assert not RecoveryCode.objects.exists()
