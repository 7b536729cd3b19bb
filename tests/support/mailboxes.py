"""Spellings of e-mail addresses: equivalent, distinct and invalid ones."""

from typing import Final

# Canonical addresses and their other spellings.
SPELLINGS: Final = {
    "nina@example.org": (
        "NINA@Example.ORG",
        " nina@example.org\n",
        "\u3000nina@example.org\N{NO-BREAK SPACE}",
        "nina\N{FULLWIDTH COMMERCIAL AT}example.org",
        "nina\N{SMALL COMMERCIAL AT}example.org",
        "nina@example\N{IDEOGRAPHIC FULL STOP}org",
        "nina@example\N{FULLWIDTH FULL STOP}org",
        "nina@example\N{HALFWIDTH IDEOGRAPHIC FULL STOP}org",
        "\uff4e\uff49\uff4e\uff41@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.org",
    ),
    "nina@xn--bcher-kva.example": (
        "nina@bücher.example",
        "Nina@BÜCHER.example",
        "nina@XN--BCHER-KVA.example",
        "nina@bu\N{COMBINING DIAERESIS}cher.example",
        "nina\N{FULLWIDTH COMMERCIAL AT}bücher\N{IDEOGRAPHIC FULL STOP}example",
    ),
    "nina@xn--strae-oqa.example": (
        "nina@straße.example",
        "nina@STRAẞE.example",
    ),
    "nina@strasse.example": ("nina@STRASSE.example", "nina@\uff53trasse.example"),
    "nina@xn--pxavbm.example": ("nina@οδος.example",),
    "nina@xn--pxavbq.example": ("nina@οδοσ.example", "nina@ΟΔΟΣ.example"),
    "nina@istanbul.example": ("nina@ISTANBUL.example",),
    "nina@xn--istanbul-o0e.example": (
        "nina@\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}stanbul.example",
        "nina@i\N{COMBINING DOT ABOVE}stanbul.example",
    ),
    "nina@xn--stanbul-qfb.example": ("nina@\N{LATIN SMALL LETTER DOTLESS I}stanbul.example",),
    # Between these letters, a joiner is part of the word (CONTEXTJ).
    "nina@xn--11b2ezcw70k.example": ("nina@क्\N{ZERO WIDTH JOINER}ष.example",),
    "nina@xn--11b2ezc.example": ("nina@क्ष.example",),
    "nina@xn--mgba3gch31f060k.example": (
        "nina@\u0646\u0627\u0645\u0647\N{ZERO WIDTH NON-JOINER}\u0627\u06cc.example",
    ),
    "nina@xn--fiq228c.xn--fiqs8s": ("nina@中文.中国", "nina@中文\N{IDEOGRAPHIC FULL STOP}中国"),
    # Providers differ on whether these are the same mailbox.
    "n.ina@example.org": ("N.Ina@example.org",),
    "nina+shop@example.org": ("Nina+Shop@example.org",),
}
# Invalid addresses by the start of their message.
REFUSED: Final = {
    "Enter an e-mail address such as": (
        *("", "nina", "@", "nina@", "@example.org", "nina.example.org", "   "),
    ),
    "Enter an e-mail address of at most 254": (
        f"{'n' * 65}@example.org",
        f"nina@{'.'.join(['a' * 61] * 4)}.example",
        "nina@" + "\N{COMBINING ACUTE ACCENT}" * 10_000,
        "\N{COMBINING ACUTE ACCENT}" * 10_000 + "@example.org",
    ),
    "Before the @, use letters without accents": (
        *('"nina"@example.org', '"ni na"@example.org', '"ni@na"@example.org'),
        *("ni na@example.org", "nina(home)@example.org", "(home)nina@example.org"),
        *("Nina <nina@example.org>", "ni@na@example.org", "ni..na@example.org"),
        *(".nina@example.org", "nina.@example.org", "ni\\na@example.org", "ni,na@example.org"),
        *("straße@example.org", "nína@example.org", "ni\N{COMBINING ACUTE ACCENT}na@example.org"),
        "nına@example.org",
        *("нина@example.org", "\N{PILE OF POO}@example.org"),
    ),
    "The address has invisible characters": (
        *("ni\N{ZERO WIDTH SPACE}na@example.org", "ni\N{SOFT HYPHEN}na@example.org"),
        *("ni\N{ZERO WIDTH JOINER}na@example.org", "ni\N{RIGHT-TO-LEFT OVERRIDE}na@example.org"),
        *("ni\x00na@example.org", "ni\x1bna@example.org", "ni\nna@example.org"),
        *("nina@exam\N{ZERO WIDTH SPACE}ple.org", "nina@exam\N{SOFT HYPHEN}ple.org"),
        *("nina@exam\N{WORD JOINER}ple.org", "nina@exam\N{ZERO WIDTH NO-BREAK SPACE}ple.org"),
        *("nina@exam\N{VARIATION SELECTOR-16}ple.org", "nina@\N{HANGUL CHOSEONG FILLER}a.org"),
        *("nina@exam\N{COMBINING GRAPHEME JOINER}ple.org", "nina@exam\x00ple.org"),
        *("nina@exam\N{RIGHT-TO-LEFT OVERRIDE}ple.org", "nina@exam\N{LEFT-TO-RIGHT MARK}ple.org"),
        # Between other letters, a joiner is invisible.
        *("nina@exam\N{ZERO WIDTH JOINER}ple.org", "nina@exam\N{ZERO WIDTH NON-JOINER}ple.org"),
    ),
    "After the @, enter a domain name": (
        *("nina@[192.0.2.1]", "nina@[IPv6:2001:db8::1]", "nina@[example.org]", "nina@192.0.2.1"),
        *("nina@192.0.2.100", "nina@\uff11\uff19\uff12.0.2.1", "nina@3221225985"),
    ),
    "After the @, enter a domain that receives": (
        *("nina@example", "nina@localhost", "nina@example.org.", "nina@.example.org"),
        *("nina@example..org", "nina@example.org\N{IDEOGRAPHIC FULL STOP}", "nina@com"),
        *("nina@mail.localhost", "nina@example.invalid", "nina@example.onion"),
        *("nina@1.2.0.192.in-addr.arpa", "nina@example.alt", "nina@service.invalid"),
        *("nina@exam_ple.org", "nina@-example.org", "nina@example-.org", "nina@ex--ample.org"),
        *("nina@exam ple.org", "nina@exam\N{NO-BREAK SPACE}ple.org", "nina@example.org:25"),
        *("nina@exam/ple.org", "nina@\N{ACCOUNT OF}.org", "nina@example.o", "nina@example.org]"),
        *(f"nina@{'a' * 64}.org", f"nina@{'ü' * 60}.org", "nina@xn--.org", "nina@xn--ascii-.org"),
        # Not in IDNA 2008: symbols, a mark without a letter, mixed directions.
        *("nina@i\N{HEAVY BLACK HEART}.ws", "nina@xn--i-7iq.ws", "nina@\N{PILE OF POO}.la"),
        *("nina@\N{COMBINING ACUTE ACCENT}a.org", "nina@\u05d0a.org", "nina@xn--a.org"),
    ),
}
EVERY_SPELLING: Final = [(text, stored) for stored in SPELLINGS for text in SPELLINGS[stored]]
EVERY_REFUSAL: Final = [(text, message) for message in REFUSED for text in REFUSED[message]]
