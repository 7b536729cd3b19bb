"""Samples of metrics, as Prometheus reads them."""

from collections.abc import Callable
from typing import NamedTuple

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families


class Samples(dict[tuple[str, tuple[str, ...]], float]):
    """Values by the name of a sample and the values of its labels."""

    @classmethod
    def of(cls, text: str) -> "Samples":
        return cls(
            ((sample.name, tuple(sample.labels.values())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )

    @classmethod
    def read(cls) -> "Samples":
        """Return what this process reports."""
        return cls.of(Client().get("/metrics").content.decode())

    def of_name(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the values of a sample's name by its labels."""
        return {labels: value for (each, labels), value in self.items() if each == name}


class Increase(NamedTuple):
    """By how much samples grew during a call."""

    before: Samples
    after: Samples

    @classmethod
    def by(cls, call: Callable[[], object]) -> "Increase":
        before = Samples.read()
        call()
        return cls(before, Samples.read())

    def of_name(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the growth of samples of a name, without those that did not grow."""
        after = self.after.of_name(name)
        before = self.before.of_name(name)
        grown = {labels: value - before.get(labels, 0) for labels, value in after.items()}
        return {labels: value for labels, value in grown.items() if value}
