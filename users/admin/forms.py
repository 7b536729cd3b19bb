"""The base of admin forms that are saved by a service."""

from collections.abc import Sequence
from typing import Any

from django import forms

from core.errors import Problem
from core.web.forms import add_problems


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that a service validates and saves."""

    problems: Sequence[Problem] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Render the initial values as hidden fields, so that they are submitted, too."""
        super().__init__(*args, **kwargs)
        if not self.is_new:
            for form_field in self.fields.values():
                form_field.show_hidden_initial = True

    @property
    def changes(self) -> dict[str, Any]:
        """The values that differ from the initial values that the page submitted.

        Writing unchanged values would overwrite concurrent changes (lost update). If the page
        submitted no initial values, all values count as changed.
        """
        if not self._has_initial_values():
            return dict(self.cleaned_data)
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def initial_value(self, name: str) -> Any:
        """Return the initial value of a field as the page submitted it.

        If it submitted none, this is the instance's current value.
        """
        field = self.fields[name]
        if not self._has_initial_values():
            return self.get_initial_for_field(field, name)
        widget, key = field.hidden_widget(), self.add_initial_prefix(name)
        return widget.value_from_datadict(self.data, self.files, key)

    @property
    def is_new(self) -> bool:
        """Whether the form adds a row."""
        return bool(self.instance._state.adding)  # noqa: SLF001 - Django has no public name for it

    def _has_initial_values(self) -> bool:
        names = map(self.add_initial_prefix, self.fields)
        return not self.is_new and any(name in self.data for name in names)

    def clean(self) -> None:
        """Add the problems that the service found as errors."""
        add_problems(self, self.problems)

    def _post_clean(self) -> None:
        """Do nothing: Django's implementation validates the instance against the constraints.

        It would reject `Ada`, which the service has yet to bring into canonical form, and its
        uniqueness check would be a race condition (TOCTOU): it runs before any row is locked.
        """
