"""The benchmark's checks of answers, and its report."""

import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import orjson
import pytest

from bench import admin, plain
from bench.__main__ import CLASSES
from bench.chart import chart
from bench.contestants import Contestant, NewUserKey, Question
from bench.dataset import ROOT, Dataset
from bench.load import LoadError, Request, Sample, http_request, run
from bench.peers.drf import RestFramework
from bench.peers.mercurius import Mercurius
from bench.peers.strawberry_django import StrawberryDjango
from bench.report import BEGIN, END, embed_tables, tables
from bench.runner import DifferenceError, Result, Round, checked_requests
from bench.scenarios import SCENARIOS, Cast, Scenario, select_scenarios

ADA = UUID(int=1)
PERSON = {"id": str(ADA), "username": "ada", "name": "Ada", "email": "ada@example.org"}
PROFILE = {"bio": "Counts.", "website": ""}
CAST = Cast(
    ids=[ADA], organizations=[], readers=[ADA], writers=[], logins=[], words=[], sessions=[]
)
QUESTIONS = {scenario.question for scenario in SCENARIOS}
SCENARIO = Scenario("point", "one user", "point", lambda cast: cast.readers)


class Peer(Contestant):
    """A contestant whose server already runs."""

    name = "peer"
    title = "Peer"

    @classmethod
    def versions(cls) -> dict[str, str]:
        return {}

    def command(self) -> list[str]:
        return []

    def questions(self) -> dict[str, Question]:
        return {
            "point": Question(
                lambda id_: http_request("GET", f"/{id_}"),
                lambda answer: plain.user(
                    answer,
                    id_=answer["id"],
                    profile=answer["profile"],
                    groups=answer["groups"],
                ),
            )
        }


@contextmanager
def serving(status: int = 200, **changes: Any) -> Iterator[int]:
    """Return the same user for all requests; yield the port."""
    body = orjson.dumps(PERSON | {"profile": PROFILE, "groups": ["Support", "Auditors"]} | changes)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Suppress the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def exchanging() -> Iterator[tuple[int, list[str]]]:
    """Answer each token once, with its successor; yield the port and the tokens."""
    used: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            token = self.path.removeprefix("/")
            status = 409 if token in used else 201
            # Before the response, after which the next request may arrive on another connection.
            used.append(token)
            body = orjson.dumps({"token": str(len(used))})
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Suppress the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], used
        server.shutdown()


def peer(name: str, port: int, dataset: Dataset) -> tuple[Contestant, Question]:
    contestant = type(name, (Peer,), {"name": name, "title": name})(dataset)
    contestant.port = port
    return contestant, contestant.questions()["point"]


@pytest.fixture
def dataset(tmp_path: Any) -> Dataset:
    return Dataset(size=1, directory=tmp_path, urls={}, postmaster=0)


def test_equal_answers_are_the_reference(dataset: Dataset) -> None:
    with serving() as one, serving(groups=["Auditors", "Support"]) as other:
        contestants = [peer("one", one, dataset), peer("other", other, dataset)]

        requests = checked_requests(SCENARIO, CAST, contestants)

    assert b'["Support","Auditors"]' in requests["one"][0].expected
    assert b'["Auditors","Support"]' in requests["other"][0].expected


def test_difference_stops_the_run_and_is_shown(dataset: Dataset) -> None:
    with serving() as one, serving(profile=PROFILE | {"bio": "Sums."}) as other:
        contestants = [peer("one", one, dataset), peer("other", other, dataset)]

        with pytest.raises(DifferenceError) as refusal:
            checked_requests(SCENARIO, CAST, contestants)

    lines = str(refusal.value).splitlines()
    assert lines[:3] == [f"point, {ADA}:", "--- one", "+++ other"]
    assert [line.split() for line in lines[4:] if line[0] in "+-"] == [
        ["-", '"bio":', '"Counts.",'],
        ["+", '"bio":', '"Sums.",'],
    ]


def test_answer_with_errors_is_refused(dataset: Dataset) -> None:
    with (
        serving(errors=[{"message": "No."}]) as port,
        pytest.raises(DifferenceError, match="errors"),
    ):
        checked_requests(SCENARIO, CAST, [peer("one", port, dataset)])


def test_load_checks_every_answer() -> None:
    payload = http_request("GET", "/")
    with serving() as port:
        sample = run(port, [Request(payload, b'"ada"')], seconds=0.1, connections=2)
        with pytest.raises(LoadError, match="unexpected answer"):
            run(port, [Request(payload, b'"ada"', whole=True)], seconds=0.1, connections=2)
    with serving(500) as port, pytest.raises(LoadError, match="not a 200"):
        run(port, [Request(payload)], seconds=0.1, connections=2)

    assert len(sample.latencies) >= 2


def test_single_use_requests_are_built_for_each_sending(dataset: Dataset) -> None:
    """Each request presents the token of the last answer to its key."""
    with exchanging() as (port, used):
        tokens = {ADA: "0"}
        contestant, _point = peer("one", port, dataset)
        question = Question(
            lambda id_: http_request("GET", f"/{tokens[id_]}"),
            lambda answer: "token" in answer,
            mark=lambda _key: b'"token"',
            single_use=True,
            learn=lambda id_, body: tokens.update({id_: orjson.loads(body)["token"]}),
        )

        requests = checked_requests(SCENARIO, CAST, [(contestant, question)])["one"]
        sample = run(port, requests, seconds=0.05, connections=1)

    # One request compares the answers.
    assert used == [str(number) for number in range(len(sample.latencies) + 1)]
    assert tokens[ADA] == str(len(used))


def test_processor_time_is_per_answer_over_all_rounds() -> None:
    result = Result(
        [
            Round(Sample(1.0, [0.001] * 100), server=0.5, postgresql=0.1, generator=0.1),
            Round(Sample(2.0, [0.001] * 300), server=0.75, postgresql=0.15, generator=0.1),
        ]
    )

    found = result.figures()

    assert found["server_ms"] == pytest.approx(5)
    assert found["postgresql_ms"] == pytest.approx(1)
    assert found["total_ms"] == pytest.approx(6)


@pytest.mark.parametrize("contestant", [StrawberryDjango, RestFramework, Mercurius])
def test_contestant_has_a_question_or_a_reason_per_scenario(
    contestant: type[Contestant], dataset: Dataset
) -> None:
    answered = contestant(dataset).questions().keys()

    assert answered | contestant.absent.keys() == QUESTIONS
    assert not answered & contestant.absent.keys()


@pytest.mark.parametrize("contestant", CLASSES)
def test_reasons_are_about_scenarios(contestant: type[Contestant]) -> None:
    assert contestant.absent.keys() <= QUESTIONS


def test_new_accounts_differ(dataset: Dataset) -> None:
    question = Mercurius(dataset).questions()["create_user"]

    one, other = map(question.ask, [NewUserKey("Ada")] * 2)

    assert question.single_use
    assert one != other
    assert all(b'"username":"bench-' in each and b'"name":"Ada"' in each for each in (one, other))


def test_node_packages_are_pinned_and_installed_by_make() -> None:
    locks = sorted((ROOT / "bench" / "peers").glob("*/package-lock.json"))
    found = re.search(r"^PEERS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert found
    assert found[1].split() == [str(lock.parent.relative_to(ROOT)) for lock in locks]
    for lock in locks:
        _root, *packages = orjson.loads(lock.read_bytes())["packages"].values()
        wanted = orjson.loads(lock.with_name("package.json").read_bytes())["dependencies"]
        assert all(package["integrity"].startswith("sha512-") for package in packages)
        # No registry's host name: the one that is configured serves them.
        assert not any("resolved" in package for package in packages)
        assert all(re.fullmatch(r"[0-9.]+", version) for version in wanted.values())


def test_deep_scenario_includes_the_first_pages() -> None:
    assert [scenario.name for scenario in select_scenarios(["deep"])] == ["first", "deep"]
    with pytest.raises(KeyError, match="nothing"):
        select_scenarios(["nothing"])


def figures(rate: float) -> Mapping[str, Any]:
    shares = {"server": 0.99, "postgresql": 0.2, "generator": 0.05}
    times = {"server_ms": 990 / rate, "postgresql_ms": 200 / rate, "total_ms": 1_190 / rate}
    return {"rate": rate, "p50": 1.234, "p95": 12.34, "p99": 123.4, **shares, **times}


REPORT = {
    "users": 2_000,
    "deepest_page": 40,
    "rounds": 1,
    "seconds": 1,
    "connections": 8,
    "machine": {
        "cpu": "Analytical Engine",
        "cores": 2,
        "memory_gib": 1,
        "system": "Linux",
        "versions": {"Python": "3.11"},
    },
    "contestants": {"roster": "Roster", "strawberry-django": "Tuned", "postgraphile": "Post & Co"},
    "hashing": {"rate": 48.0, "memory_kib": 19_456, "passes": 2},
    "scenarios": [
        {
            "name": "point",
            "title": "one user",
            "results": {"roster": figures(1_000), "postgraphile": figures(2_000)},
            "absent": {"strawberry-django": "cannot"},
            "bare": 0.1,
        }
    ],
}


def test_tables_have_rates_ratios_and_reasons() -> None:
    lines = [" ".join(line.split()) for line in tables(REPORT).splitlines()]

    assert "| `point`: one user | 1,000 | — | 2,000 | — | 0.50 |" in lines
    assert "- `point`: Tuned — cannot." in lines
    assert "| `point` | Roster | 1.23 | 12.3 | 123 | 99 % | 20 % | 5 % |" in lines
    assert "| `point` | Roster | 1,000 | 0.99 | 0.20 | 1.19 |" in lines
    assert "| `point` | Post & Co | 2,000 | 0.49 | 0.10 | 0.59 |" in lines
    assert "| `point` | Roster | 0.20 | 2.00 |" in lines
    assert "| `point` | the statements alone, by hand | 0.10 | 1 |" in lines


def test_small_run_is_marked_as_a_trial() -> None:
    serious = REPORT | {"users": 1_000_000, "rounds": 5}

    assert "not a measurement" in tables(REPORT)
    assert "not a measurement" not in tables(serious)


def test_tables_replace_earlier_ones() -> None:
    document = f"Before.\n{BEGIN}\nold\n{END}\nAfter.\n"

    once = embed_tables(document, "new\n")

    assert once == f"Before.\n{BEGIN}\n\nnew\n\n{END}\nAfter.\n"
    assert embed_tables(once, "new\n") == once
    with pytest.raises(ValueError, match="markers"):
        embed_tables("Before.", "new\n")


def test_chart_has_a_text_alternative() -> None:
    root = ET.fromstring(chart(REPORT))  # noqa: S314 - trusted input
    name = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.attrib["width"]) for bar in root.iter(f"{name}rect")]

    assert widths == [215.0, 430.0]
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{name}desc") == "one user: Roster 1,000, Post & Co 2,000."


def test_admin_table_shows_the_slowest_page_per_kind() -> None:
    text = admin.table(
        [
            admin.Answer("people", "list", "/admin/accounts/user/", 40.4, 20.6, 5),
            admin.Answer("people", "search", "/admin/accounts/user/?q=a", 90, 80, 5),
            admin.Answer("people", "search", "/admin/accounts/user/?q=b", 70, 85, 6),
            admin.Answer("overview", "list", "/admin/", 30, 10, 4),
        ]
    )

    head, _line, people, overview = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
    )
    assert head == ["", *admin.KINDS, "statements"]
    assert people == ["people", "21 (40)", "", "", "", "85 (90)", "", "", "6"]
    assert overview == ["overview", "10 (30)", *[""] * 6, "4"]
