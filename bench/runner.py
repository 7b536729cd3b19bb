"""Compares the contestants' answers, then measures the contestants in turn."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import orjson

from bench.contestants import Contestant, Question
from bench.load import Request, Sample, fetch, run
from bench.machine import cpu_seconds
from bench.progress import Progress
from bench.scenarios import WRITE, Cast, Scenario

PERCENTILES: Final = (50, 95, 99)
BEGINNING: Final = 8


@dataclass(frozen=True, slots=True)
class Effort:
    """The rounds, seconds and connections of each measurement."""

    rounds: int
    seconds: float
    connections: int = 8


class DifferenceError(RuntimeError):
    """The answers of two contestants differ; the message shows the difference."""


@dataclass(frozen=True, slots=True)
class Round:
    """One contestant's sample, and the shares of a core that were used."""

    sample: Sample
    server: float
    postgresql: float
    generator: float


@dataclass(slots=True)
class Result:
    """All rounds of one contestant in one scenario."""

    rounds: list[Round] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Return medians over the rounds, and percentiles over all responses in milliseconds.

        ``server_ms`` and ``postgresql_ms`` are milliseconds of processor time per answer.
        """
        latencies = [each for round_ in self.rounds for each in round_.sample.latencies]
        cuts = statistics.quantiles(latencies, n=100, method="inclusive")
        rates = [round_.sample.rate for round_ in self.rounds]
        server = self._milliseconds_per_answer(lambda round_: round_.server)
        postgresql = self._milliseconds_per_answer(lambda round_: round_.postgresql)
        return {
            "rate": statistics.median(rates),
            "rates": rates,
            "answers": len(latencies),
            **{f"p{number}": 1_000 * cuts[number - 1] for number in PERCENTILES},
            "server": statistics.median(round_.server for round_ in self.rounds),
            "postgresql": statistics.median(round_.postgresql for round_ in self.rounds),
            "generator": statistics.median(round_.generator for round_ in self.rounds),
            "server_ms": server,
            "postgresql_ms": postgresql,
            "total_ms": server + postgresql,
        }

    def _milliseconds_per_answer(self, share: Callable[[Round], float]) -> float:
        """Return the processor time per answer, over all rounds.

        Not a median: the system counts in clock ticks, which are coarse in a short round.
        """
        seconds = sum(share(round_) * round_.sample.seconds for round_ in self.rounds)
        return 1_000 * seconds / sum(len(round_.sample.latencies) for round_ in self.rounds)


def checked_requests(
    scenario: Scenario, cast: Cast, contestants: Sequence[tuple[Contestant, Question]]
) -> dict[str, list[Request]]:
    """Send all requests to every contestant once; return them with their expected responses.

    Raises `DifferenceError` if an answer differs from the first contestant's.
    """
    keys = scenario.keys(cast)
    requests: dict[str, list[Request]] = {contestant.name: [] for contestant, _ in contestants}
    with Progress(f"{scenario.name}: comparing answers", len(keys)) as progress:
        for key in keys:
            first: tuple[str, Any] | None = None
            for contestant, question in contestants:
                payload = question.ask(key)
                body = fetch(contestant.port, payload)
                answer = plain_answer(contestant, question, body)
                if first is None:
                    first = contestant.title, answer
                names = first[0], contestant.title
                difference = scenario.difference(first[1], answer, names)
                if difference:
                    raise DifferenceError(f"{scenario.name}, {key}:\n{difference}")
                expected = Request(payload, body, whole=True)
                if question.mark:
                    expected = _request(question, key, payload, question.mark(key))
                if expected.learn:
                    expected.learn(body)
                requests[contestant.name].append(expected)
            progress.step()
    return requests


def _request(question: Question, key: Any, payload: bytes, mark: bytes) -> Request:
    """Return a request whose answers differ each time."""
    return Request(
        payload,
        mark,
        build=partial(question.ask, key) if question.single_use else None,
        learn=partial(question.learn, key) if question.learn else None,
    )


def mixed(reads: Sequence[Request], writes: Sequence[Request]) -> list[Request]:
    """Return the reads with a write after every nine of them.

    The writes change what is read, so only the beginning of the answers is compared.
    """
    changing = [
        replace(each, expected=each.expected[:BEGINNING], whole=False)
        for each in [*reads] * len(writes)
    ]
    return [
        each
        for start, write in zip(range(0, len(changing), 9), writes, strict=False)
        for each in (*changing[start : start + 9], write)
    ]


def plain_answer(contestant: Contestant, question: Question, body: bytes) -> Any:
    """Return the answer as plain data. Raises `DifferenceError` for an error."""
    answer = orjson.loads(body) if body else None
    if isinstance(answer, dict) and "errors" in answer:
        raise DifferenceError(f"{contestant.title} answered with errors: {body.decode()}")
    return question.plain(answer)


def measure(
    scenario: Scenario,
    cast: Cast,
    contestants: Mapping[Contestant, Mapping[str, Question]],
    effort: Effort,
    *,
    postmaster: int,
) -> dict[str, Result]:
    """Measure a scenario: all contestants warm up, then take turns in each round.

    The first contestant rotates between rounds. Raises `DifferenceError` and `LoadError`.
    """
    present = [
        (contestant, questions[scenario.question])
        for contestant, questions in contestants.items()
        if questions.keys() >= set(scenario.questions)
    ]
    requests = checked_requests(scenario, cast, present)
    if scenario.has_writes:
        writers = [(each, contestants[each][WRITE.question]) for each, _question in present]
        writes = checked_requests(WRITE, cast, writers)
        requests = {name: mixed(requests[name], writes[name]) for name in requests}
    order = [contestant for contestant, _question in present]
    results = {contestant.name: Result() for contestant in order}
    with Progress(f"{scenario.name}: measuring", len(order) * (effort.rounds + 1)) as progress:
        for contestant in order:
            progress.step(f"warming up {contestant.title}")
            _load(contestant, requests[contestant.name], effort)
        for number in range(effort.rounds):
            start = number % len(order)
            for contestant in order[start:] + order[:start]:
                progress.step(f"round {number + 1}, {contestant.title}")
                sent = requests[contestant.name]
                results[contestant.name].rounds.append(_round(contestant, sent, effort, postmaster))
    return results


def _load(contestant: Contestant, requests: Sequence[Request], effort: Effort) -> Sample:
    return run(contestant.port, requests, seconds=effort.seconds, connections=effort.connections)


def _round(
    contestant: Contestant, requests: Sequence[Request], effort: Effort, postmaster: int
) -> Round:
    server, postgresql = cpu_seconds(contestant.pid), cpu_seconds(postmaster)
    sample = _load(contestant, requests, effort)
    return Round(
        sample,
        server=(cpu_seconds(contestant.pid) - server) / sample.seconds,
        postgresql=(cpu_seconds(postmaster) - postgresql) / sample.seconds,
        generator=sample.generator_seconds / sample.seconds,
    )
