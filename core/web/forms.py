"""Helpers for forms of pages."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.forms import BaseForm

from core.errors import Problem


def add_problems(form: BaseForm, problems: Iterable[Problem]) -> None:
    """Add a service's problems to the form's fields, or to the whole form."""
    for problem in problems:
        name = problem.field[0].removeprefix("expected_") if problem.field else None
        error = ValidationError(str(problem.message), code=problem.code)
        form.add_error(name if name in form.fields else None, error)
