"""`make bench`: measures Roster and its peers on one machine and writes the report.

Environment variables: USERS; ROUNDS; SECONDS; SCENARIO and CONTESTANTS (names separated by spaces,
all by default); DATA_DIR and BENCH_OUTPUT (directories of the data and the results).
"""

import os
import signal
import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings

from bench import bare
from bench.contestants import Contestant, ContestantError, Question
from bench.dataset import PAGE, ROOT, Dataset, DatasetError, environment, open_dataset
from bench.load import LoadError
from bench.machine import cores, describe, pin_to_core
from bench.peers.cached import CachedRoster
from bench.peers.drf import RestFramework
from bench.peers.mercurius import Mercurius
from bench.peers.postgraphile import PostGraphile
from bench.peers.roster import Roster
from bench.peers.strawberry_django import StrawberryDjango
from bench.peers.unsigned import UnsignedRoster
from bench.report import OUTPUT, save
from bench.runner import DifferenceError, Effort, Result, measure
from bench.scenarios import Cast, Scenario, draw_cast, select_scenarios
from bench.signed_in import (
    access_tokens,
    delete_earlier_runs,
    give_passwords,
    hashes_per_second,
)
from core.configuration.env import Environment

HASHING_SECONDS: Final = 5.0
# Scenarios that hash a password.
HASHING: Final = {"login", "create-user"}
CLASSES: Final[Sequence[type[Contestant]]] = (
    Roster,
    CachedRoster,
    UnsignedRoster,
    StrawberryDjango,
    RestFramework,
    PostGraphile,
    Mercurius,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The scenarios, contestants, effort and output directory of a run."""

    scenarios: Sequence[Scenario]
    classes: Sequence[type[Contestant]]
    effort: Effort
    output: Path


def main() -> int:
    """Run the benchmark; return the exit status, 130 after a signal."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    env = Environment(os.environ)
    size = env.number("USERS", 1_000_000, minimum=1_000, maximum=100_000_000)
    directory = Path(env.text("DATA_DIR", str(ROOT / ".data"))).resolve() / "bench" / str(size)
    plan = _plan(env)
    plan.output.mkdir(parents=True, exist_ok=True)
    server_core, other_core = cores()
    try:
        with pin_to_core(other_core), open_dataset(size, directory) as dataset:
            report = _measure(dataset, plan, server_core)
    except (ContestantError, DatasetError, DifferenceError, LoadError) as error:
        raise SystemExit(f"make bench: {error}") from None
    except KeyboardInterrupt:
        return 130
    print(f"\n{save(report, plan.output)}")  # noqa: T201 - the result
    return 0


def _plan(env: Environment) -> Plan:
    classes = {each.name: each for each in CLASSES}
    try:
        scenarios = select_scenarios(os.environ.get("SCENARIO", "").split())
        wanted = {classes[name] for name in os.environ.get("CONTESTANTS", "").split()}
    except KeyError as error:
        raise SystemExit(f"make bench: there is no {error}") from None
    present = [each for each in CLASSES if each in wanted] or CLASSES
    return Plan(
        scenarios=[
            scenario
            for scenario in scenarios
            if any(each.absent.keys().isdisjoint(scenario.questions) for each in present)
        ],
        classes=present,
        effort=Effort(
            rounds=env.number("ROUNDS", 5, minimum=1, maximum=100),
            seconds=env.number("SECONDS", 5, minimum=1, maximum=600),
        ),
        output=Path(env.text("BENCH_OUTPUT", str(OUTPUT))).resolve(),
    )


def _measure(dataset: Dataset, plan: Plan, core: int) -> dict[str, Any]:
    """Run all scenarios; return the report."""
    # The service's own code, used below, must have the settings of the measured servers.
    os.environ.clear()
    os.environ.update(environment(dataset) | {"DJANGO_SETTINGS_MODULE": "core.settings"})
    django.setup()
    delete_earlier_runs()
    cast = draw_cast(dataset, give_passwords, access_tokens)
    with ExitStack() as stack:
        contestants: dict[Contestant, dict[str, Question]] = {}
        for each in plan.classes:
            contestant = _contestant(each, dataset, cast)
            stack.enter_context(contestant.run_server(core, plan.output))
            contestants[contestant] = contestant.questions()
        results = {
            scenario.name: measure(
                scenario, cast, contestants, plan.effort, postmaster=dataset.postmaster
            )
            for scenario in plan.scenarios
        }
    ((postgresql,),) = dataset.rows("SHOW server_version")
    versions = (each.versions() for each in plan.classes)
    return {
        "users": dataset.size,
        "deepest_page": cast.furthest // PAGE + 1,
        **asdict(plan.effort),
        "machine": describe({"PostgreSQL": postgresql} | dict(ChainMap(*versions))),
        "contestants": {each.name: each.title for each in plan.classes},
        "hashing": _hashing(plan.scenarios, core),
        "scenarios": [
            _outcome(scenario, results[scenario.name], plan.classes)
            | {"bare": bare.milliseconds(dataset, scenario, scenario.keys(cast))}
            for scenario in plan.scenarios
        ],
    }


def _outcome(
    scenario: Scenario, results: Mapping[str, Result], classes: Sequence[type[Contestant]]
) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "results": {name: result.figures() for name, result in results.items()},
        "absent": {
            each.name: each.absent[scenario.question]
            for each in classes
            if scenario.question in each.absent
        },
    }


def _contestant(class_: type[Contestant], dataset: Dataset, cast: Cast) -> Contestant:
    if issubclass(class_, Roster):
        return class_(dataset, furthest=cast.furthest, writers=list(cast.writers))
    return class_(dataset)


def _hashing(scenarios: Sequence[Scenario], core: int) -> dict[str, Any] | None:
    """Return the rate of password hashes alone, the baseline of scenarios with a password."""
    if HASHING.isdisjoint(scenario.name for scenario in scenarios):
        return None
    with pin_to_core(core):
        rate = hashes_per_second(HASHING_SECONDS)
    return {
        "rate": rate,
        "memory_kib": settings.ARGON2_MEMORY_KIB,
        "passes": settings.ARGON2_PASSES,
    }


if __name__ == "__main__":
    sys.exit(main())
