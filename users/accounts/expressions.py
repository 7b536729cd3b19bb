"""Expressions that indexes and queries share."""

from django.db.models import F, Func, TextField, Value


class EmailDomain(Func):
    """What follows the @; an address in canonical form has one."""

    function = "split_part"
    output_field = TextField()

    def __init__(self, email: str = "email") -> None:
        """Take the column of the address."""
        super().__init__(F(email), Value("@"), Value(2))
