"""Forms of the admin that write by a service."""

from collections.abc import Sequence
from typing import Any

from django import forms

from core.errors import Problem
from core.web.forms import add_problems


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose input a service validates and saves."""

    problems: Sequence[Problem] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Have the page send back the values that it was opened with."""
        super().__init__(*args, **kwargs)
        if not self.is_new:
            for form_field in self.fields.values():
                form_field.show_hidden_initial = True

    @property
    def changes(self) -> dict[str, Any]:
        """The values that were changed in the form.

        Writing the others would undo what another user changed since the page was opened (lost
        update). All count as changed if the page sent no values that it was opened with.
        """
        if not self._has_initial_values():
            return dict(self.cleaned_data)
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def initial_value(self, name: str) -> Any:
        """Return the value of a field that the page was opened with, as it was sent back.

        Without one it is the instance's.
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
        """Show the problems that the service found."""
        add_problems(self, self.problems)

    def _post_clean(self) -> None:
        """Do nothing. Django's fills the instance and holds it against the constraints.

        It would refuse `Ada` because it is not in canonical form yet, which is the service's
        to bring about, and promise that a name is free before anything is locked.
        """
