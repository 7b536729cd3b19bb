"""Classes of characters in searches, for regular expressions of Python and of PostgreSQL.

`roster_fold` contains them: a change needs a migration that replaces the function, and what is
computed by it.
"""

import re
from typing import Final

# Accents, vowel points and the like, which are optional in writing: Latin, Greek and Cyrillic,
# Hebrew, Arabic, Syriac, and those of all scripts. Marks of other scripts are letters.
ACCENTS: Final = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    r"\u0711\u0730-\u074a\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
# Joiners, directions, variants.
INVISIBLE: Final = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
# Within a word: O’Brien, Gal·la.
APOSTROPHES: Final = (
    r"\u0027\u0060\u00b7\u02b9-\u02bf\u02c8\u05f3\u05f4\u2018-\u201b\u2032\ua78b\ua78c"
)
IGNORED: Final = ACCENTS + INVISIBLE + APOSTROPHES
# Bopomofo, Han, kana and Hangul, written without spaces around words: each is a word.
IDEOGRAPHS: Final = (
    r"\u3005\u3006\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    r"\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    r"\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that are letters, with their scripts: collations disagree on whether they are alphanumeric.
MARKS: Final = r"\u0900-\u0963\u0966-\u1cff\u3099\u309a\ua800-\uabff\U00011000-\U00011fff"

IS_IGNORED: Final = re.compile(f"[{IGNORED}]")
IS_IDEOGRAPH: Final = re.compile(f"[{IDEOGRAPHS}]")
IS_LETTER: Final = re.compile(rf"[^\W_]|[{MARKS}]")
