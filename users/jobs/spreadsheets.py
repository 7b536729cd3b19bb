"""Formula injection in CSV (OWASP): cells that a spreadsheet would execute.

A spreadsheet splits lines at the separator of its locale, and then takes quotation marks within a
cell literally. So a formula may also begin after a semicolon, tab or line break within a value.

Without a mark, a quoted value looks like one that has an apostrophe of its own. The mark is a
column, because spreadsheets that save a file keep columns, and a value of each row, because rows
may be added.
"""

import re
from typing import Final

# The column of our files that marks rows, and its value, which no locale translates.
MARK_COLUMN: Final = "quoted_formulas"
MARK: Final = "1"
# What begins a formula; the full-width forms are for Japanese spreadsheets.
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# Where an apostrophe prevents a formula. Apostrophes are among what may precede the sign, so that a
# value that has one already gets another, and each can be removed again.
_BEGIN: Final = f"(?='*[{_SIGNS}\t\r\n])"
_WITHIN: Final = f"(?=[\"']*[{_SIGNS}])"
_FORMULA: Final = re.compile(rf"\A{_BEGIN}|(?<=[;\t\r\n]){_WITHIN}")
_QUOTED: Final = re.compile(rf"\A'{_BEGIN}|(?<=[;\t\r\n])'{_WITHIN}")
# JSON has neither tabs nor line breaks, and signs after semicolons only in strings, in which a
# backslash precedes quotation marks. A sign after apostrophes is no formula, but is escaped so that
# nothing is unquoted.
_JSON_FORMULA: Final = re.compile(f"(;'*)([{_SIGNS}])")


def quote_formulas(text: str) -> str:
    """Return the text with an apostrophe before each part that a spreadsheet would execute."""
    return _FORMULA.sub("'", text)


def unquote_formulas(text: str) -> str:
    """Return the text that `quote_formulas` quoted."""
    return _QUOTED.sub("", text)


def escape_formulas(json: str) -> str:
    """Return an array or object of JSON, equal as JSON, that no spreadsheet executes.

    `unquote_formulas` does not change it.
    """
    return _JSON_FORMULA.sub(lambda match: f"{match[1]}\\u{ord(match[2]):04x}", json)
