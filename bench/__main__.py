"""`make bench`: measures Roster and its peers on one machine, and writes the report.

Read from the environment: USERS, ROUNDS, SECONDS, and the names in SCENARIO and CONTESTANTS,
separated by spaces; all if they are not set.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, Final

import django
from django.conf import settings

from bench.contestants import Contestant, ContestantError, Question
from bench.dataset import ROOT, Dataset, DatasetError, environment, opened
from bench.load import LoadError
from bench.machine import cores, describe, running_on
from bench.peers.drf import RestFramework
from bench.peers.postgraphile import PostGraphile, versions
from bench.peers.roster import Roster
from bench.peers.strawberry_django import StrawberryDjango
from bench.report import OUTPUT, save
from bench.runner import DifferenceError, Effort, measure
from bench.scenarios import Cast, Scenario, cast_of, chosen
from bench.signed_in import give_passwords, hashes_per_second
from core.env import Environment

HASHING_SECONDS: Final = 5.0
CLASSES: Final[Sequence[type[Contestant]]] = (Roster, StrawberryDjango, RestFramework, PostGraphile)


def main() -> int:
    """Measure everything that was asked for; return the exit status."""
    env = Environment(os.environ)
    size = env.number("USERS", 1_000_000, minimum=1_000, maximum=100_000_000)
    effort = Effort(
        rounds=env.number("ROUNDS", 5, minimum=1, maximum=100),
        seconds=env.number("SECONDS", 5, minimum=1, maximum=600),
    )
    try:
        scenarios = chosen(os.environ.get("SCENARIO", "").split())
        classes = _classes(os.environ.get("CONTESTANTS", "").split())
    except KeyError as error:
        raise SystemExit(f"make bench: there is no {error}") from None
    OUTPUT.mkdir(exist_ok=True)
    server_core, other_core = cores()
    try:
        with (
            running_on(other_core),
            opened(size, ROOT / ".data" / "bench" / str(size)) as dataset,
        ):
            report = _measured(dataset, scenarios, classes, effort, core=server_core)
    except (ContestantError, DatasetError, DifferenceError, LoadError) as error:
        raise SystemExit(f"make bench: {error}") from None
    print(f"\n{save(report)}")  # noqa: T201 - the result
    return 0


def _classes(names: Sequence[str]) -> list[type[Contestant]]:
    by_name = {each.name: each for each in CLASSES}
    wanted = {by_name[name] for name in names} or set(CLASSES)
    return [each for each in CLASSES if each in wanted]


def _measured(
    dataset: Dataset,
    scenarios: Sequence[Scenario],
    classes: Sequence[type[Contestant]],
    effort: Effort,
    *,
    core: int,
) -> dict[str, Any]:
    """Return the report: what was measured, of whom, on what."""
    # What follows uses the service's own code, with the settings that it is measured with.
    os.environ.clear()
    os.environ.update(environment(dataset) | {"DJANGO_SETTINGS_MODULE": "core.settings"})
    django.setup()
    cast = cast_of(dataset, give_passwords)
    with ExitStack() as stack:
        contestants: dict[Contestant, dict[str, Question]] = {}
        for each in classes:
            contestant = _contestant(each, dataset, cast)
            stack.enter_context(contestant.running(core, OUTPUT))
            contestants[contestant] = contestant.questions()
        results = {
            scenario.name: measure(
                scenario, cast, contestants, effort, postmaster=dataset.postmaster
            )
            for scenario in scenarios
        }
    ((postgresql,),) = dataset.rows("SHOW server_version")
    return {
        "users": dataset.size,
        "deepest_page": cast.furthest // 50 + 1,
        **asdict(effort),
        "machine": describe(postgresql=postgresql, packages=versions()),
        "contestants": {each.name: each.title for each in classes},
        "hashing": _hashing(scenarios, core),
        "scenarios": [
            {
                "name": scenario.name,
                "title": scenario.title,
                "results": {
                    name: result.figures() for name, result in results[scenario.name].items()
                },
                "absent": {
                    each.name: each.absent[scenario.question]
                    for each in classes
                    if scenario.question in each.absent
                },
            }
            for scenario in scenarios
        ],
    }


def _contestant(class_: type[Contestant], dataset: Dataset, cast: Cast) -> Contestant:
    if issubclass(class_, Roster):
        return class_(dataset, furthest=cast.furthest, writers=list(cast.writers))
    return class_(dataset)


def _hashing(scenarios: Sequence[Scenario], core: int) -> dict[str, Any] | None:
    """Return what log-ins are to be compared with: the password hash alone."""
    if "login" not in {scenario.name for scenario in scenarios}:
        return None
    with running_on(core):
        rate = hashes_per_second(HASHING_SECONDS)
    return {
        "rate": rate,
        "memory_kib": settings.ARGON2_MEMORY_KIB,
        "passes": settings.ARGON2_PASSES,
    }


if __name__ == "__main__":
    sys.exit(main())
