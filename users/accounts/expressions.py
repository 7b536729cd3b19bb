"""Expressions that indexes and queries share."""

from django.db.models import F, Func, TextField, Value


class EmailDomain(Func):
    """The domain of an e-mail address in canonical form."""

    function = "split_part"
    output_field = TextField()

    def __init__(self, email: str = "email") -> None:
        """Use the column ``email``."""
        super().__init__(F(email), Value("@"), Value(2))
