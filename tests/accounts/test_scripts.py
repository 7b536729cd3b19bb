"""Scripts of usernames: which may be mixed, and which names read as another (UTS 39)."""

# ruff: noqa: RUF001, SIM905 - ambiguous letters are tested, and wide ones would take many lines

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from tests.accounts.test_sign_up import sign_up
from tests.support.client import GraphQLClient
from users.accounts.identifiers import clean_username, readable_email
from users.accounts.models import SignUp

MIXED = "Use letters of one script only. Chinese, Japanese or Korean may be combined with Latin."
LOOK_ALIKE = "This username can be mistaken for another. Choose a different one."


@pytest.mark.parametrize(
    "username",
    [
        # Japanese: Han, Hiragana and Katakana, with the characters that these share.
        *"田中さくら 東京タワー ハナ子さん 八ヶ岳 佐々木タロウ らーめん屋 〆切マン".split(),
        # Japanese, Chinese and Korean with Latin.
        *"tokyoタワー さくらchan 田中ken サーバーadmin 王wang 김철수kim anna山田".split(),
        # Chinese with its phonetic letters, and Korean with Han.
        *"ㄅㄆ注音 注音ㄅabc 金철수 朴박park".split(),
        # One script, of which letters look like some of another.
        *"カエルトロ 工力夕 へちま борис νίκος ანანო".split(),
        # Latin letters of alphabets, of which some read as ASCII.
        *"yıldız kærsti cœur əli ɔdɔ ŋɔli weißß".split(),
        # Digits of the script, or of ASCII.
        *"नेहा१२ محمد٣ борис7 山田2 १२३ 第〇号".split(),
    ],
)
def test_scripts_of_one_language_may_be_mixed(username: str) -> None:
    assert clean_username(username) == username


@pytest.mark.parametrize(
    "username",
    [
        # Latin, Cyrillic and Greek share most shapes.
        *"bоris nikοs борисnick νικbob αнна анна山田 νικタワー".split(),
        # No language has both.
        *"さくら김 ㄅさくら 김ㄅㄆ नेहाneha neha山田नेहा יעלyael さくらчай".split(),
        # Digits are of their script, too.
        *"ad० gr०ce al٥n supp०rt root৬ ๐live g߀od борис० नेहा٣".split(),
        # The sound mark belongs to kana.
        *"борисー 김철ー수".split(),
    ],
)
def test_other_scripts_may_not_be_mixed(username: str) -> None:
    with translation.override("en"), pytest.raises(ValidationError, match=MIXED):
        clean_username(username)


@pytest.mark.parametrize(
    "username",
    [
        # Cyrillic and Greek that read as Latin.
        *"аррӏе росо ονο".split(),
        # Latin letters of phonetics that read as ASCII.
        *"ɑdɑ ɡrace ɪris ǀinda ʏves ᴄarol ꜱam ʣuba".split(),
        # Digits that read as letters.
        *"००० ๐๐๐ g〇〇gle".split(),
        # Strokes that read as punctuation between Latin letters.
        *"anna一marie annaーmarie annaノmarie anna丨bob annaㅡmarie annaㄧmarie".split(),
        # Letters of one Japanese script that read as another's.
        *"ニ本松 二ホン 東京カ ヘんじ へンシン カ一ド エ藤正 山田ー".split(),
    ],
)
def test_scripts_of_look_alikes_only_are_refused(username: str) -> None:
    with translation.override("en"), pytest.raises(ValidationError, match=LOOK_ALIKE):
        clean_username(username)


@pytest.mark.parametrize(
    ("username", "problems"),
    [
        ("田中さくら", []),
        ("東京タワー", []),
        ("борисnick", [("USERNAME_INVALID", "username")]),
        ("anna一marie", [("USERNAME_INVALID", "username")]),
    ],
)
def test_sign_up_follows_the_rule(
    anonymous: GraphQLClient, username: str, problems: list[tuple[str, str]]
) -> None:
    assert sign_up(anonymous, username) == problems
    assert [*SignUp.objects.values_list("username", flat=True)] == [username][len(problems) :]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("nina@xn--5ck2eqb538s34z.example", "nina@東京タワー.example"),
        ("nina@xn--bcher-kva4539r.example", "nina@bücher田.example"),
        ("nina@xn--nick-93d6b2bqk.example", "nina@xn--nick-93d6b2bqk.example"),
        ("nina@xn--annamarie-y75n.example", "nina@xn--annamarie-y75n.example"),
    ],
)
def test_domains_of_mixed_scripts_are_readable(stored: str, shown: str) -> None:
    assert readable_email(stored) == shown
