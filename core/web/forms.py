"""What forms of pages share."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.forms import BaseForm

from core.errors import Problem


def add_problems(form: BaseForm, problems: Iterable[Problem]) -> None:
    """Show a service's problems in a form: at their fields, or above the form if it has none."""
    for problem in problems:
        name = problem.field[0].removeprefix("expected_") if problem.field else None
        error = ValidationError(str(problem.message), code=problem.code)
        form.add_error(name if name in form.fields else None, error)
