"""What is measured, on which servers, and what it should reach.

A case is a request and a number of connections; a target is a ratio to another server in the same case, or a
plain figure. Keys are those of the table in `docs/benchmarks.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.benchmarks.samples import SEARCH
from tests.benchmarks.signed import PATHS

ALL = ("catena", "bare", "starlette", "fastapi")
WITH_DATA = ("catena", "starlette", "fastapi")
#: cases that call an upstream
OUTGOING = ("P", "M")


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request.

    Attributes:
        key: short name.
        title: what it is, for the table.
        path: what is asked for.
        servers: that answer it.
        connections: keep-alive connections at once.
        script: file in `scripts/`; with `post.lua` the body is `body`.
        body: name of a sample: `order` or `entry`.
        signed: version of the signature that it carries.
        variants: where Catena is compared with itself, the command-line options and environment of each of `servers`.
    """

    key: str
    title: str
    path: str
    servers: Sequence[str]
    connections: int = 32
    script: str = ""
    body: str = ""
    signed: str = ""
    variants: Mapping[str, tuple[Sequence[str], Mapping[str, str]]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Target:
    """A figure to reach.

    Attributes:
        case: key of a case, or a figure of its own.
        against: the server that Catena is compared with; empty for a figure of its own.
        bound: the least (`>=`) or the most (`<=`).
        value: to reach.
        of: what is compared: requests per second, or CPU per request; or the latency that is looked at, in ms.
    """

    case: str
    against: str
    bound: Literal[">=", "<="]
    value: float
    of: Literal["rate", "cpu", "p50", "figure"] = "rate"

    @property
    def name(self) -> str:
        """Its first column in the table."""
        if self.of == "figure":
            return self.case
        if self.of == "p50":
            return f"{self.case} p50 ms"
        return f"{self.case}{' CPU' if self.of == 'cpu' else ''} / {self.against}"

    def is_met(self, value: float) -> bool:
        """Whether a figure reaches it."""
        return value >= self.value if self.bound == ">=" else value <= self.value


HELLO = Case("A", "hello", "/bench/hello", ALL)
CASES = (
    HELLO,
    Case("B", "5 validated query values, 3 steps", SEARCH, ALL),
    Case("C", "1 KB body, 15 validated fields, echo", "/bench/orders", ALL, script="post.lua", body="order"),
    Case(
        "D1", "signed request 1.0: device looked up, three steps", PATHS["1.0"], ALL, script="signed.lua", signed="1.0"
    ),
    Case(
        "D2", "signed request 2.0: device looked up, three steps", PATHS["2.0"], ALL, script="signed.lua", signed="2.0"
    ),
    Case("E", "find one by id", "/bench/items/1", WITH_DATA, script="items.lua"),
    Case("F", "list 20", "/bench/items?limit=20", WITH_DATA),
    Case("G", "insert one, majority", "/bench/items", WITH_DATA, script="post.lua", body="entry"),
    Case("P", "passed through to an upstream, 1 KB", "/bench/through/hello", ("catena", "starlette")),
    Case("M", "3 upstreams of 50 ms put together, 1 connection", "/bench/together", ("catena", "starlette"), 1),
    Case("E1", "find one by id, 1 connection", "/bench/items/1", WITH_DATA, 1, "items.lua"),
    Case("G1", "insert one, 1 connection", "/bench/items", WITH_DATA, 1, "post.lua", "entry"),
)
MANY = Case(
    "H",
    "hello with 5,000 routes",
    "/many/9",
    ("catena 5,000 routes", "catena 10 routes"),
    script="many.lua",
    variants={"catena 5,000 routes": ((), {"BENCH_ROUTES": "5000"}), "catena 10 routes": ((), {"BENCH_ROUTES": "10"})},
)
LIMITED = Case(
    "L",
    "hello with a rate limit, counted in MongoDB",
    "/bench/hello",
    ("catena limited", "catena"),
    variants={"catena limited": ((), {"BENCH_LIMITED": "yes"}), "catena": ((), {})},
)
OBSERVED = Case(
    "O",
    "hello with overload control, access log and metrics",
    "/bench/hello",
    ("catena observed", "catena alone"),
    variants={"catena observed": ((), {"BENCH_OBSERVED": "yes"}), "catena alone": ((), {"BENCH_OBSERVED": "no"})},
)
# Without overload control, which would tell some, rightly, to come back later.
WORKERS = Case(
    "W",
    "5 ms of CPU",
    "/bench/burn",
    ("catena 2 workers", "catena 1 worker"),
    variants={
        "catena 2 workers": (("--workers", "2"), {"BENCH_OBSERVED": "no"}),
        "catena 1 worker": (("--workers", "1"), {"BENCH_OBSERVED": "no"}),
    },
)
#: cases in which Catena is compared with itself
PAIRS = (MANY, LIMITED, OBSERVED, WORKERS)

START = "start to first answer, s"
RSS = "RSS of a worker, MB"
#: figures that stand alone, chosen by `--cases S`
FOOTPRINT = "S"

TARGETS = (
    Target("A", "bare", ">=", 0.80),
    Target("B", "bare", ">=", 0.70),
    Target("B", "starlette", ">=", 1.8),
    Target("B", "fastapi", ">=", 5),
    Target("C", "bare", ">=", 0.70),
    Target("C", "starlette", ">=", 1.5),
    Target("C", "fastapi", ">=", 3.5),
    Target("D1", "bare", ">=", 0.5),
    Target("D1", "starlette", ">=", 2),
    Target("D2", "bare", ">=", 0.5),
    Target("D2", "starlette", ">=", 2),
    Target("E", "starlette", ">=", 3),
    Target("E1", "starlette", "<=", 1.10, "cpu"),
    Target("F", "starlette", ">=", 1.25),
    Target("G", "starlette", ">=", 2.5),
    Target("G1", "starlette", "<=", 1.10, "cpu"),
    Target("P", "starlette", ">=", 0.8),
    Target("M", "", "<=", 70, "p50"),
    Target("H", "catena 10 routes", "<=", 1.05, "cpu"),
    Target("L", "catena", ">=", 0.85),
    Target("O", "catena alone", ">=", 0.9),
    Target("W", "catena 1 worker", ">=", 1.7),
    Target(START, "", "<=", 0.6, "figure"),
    Target(RSS, "", "<=", 60, "figure"),
)
KEYS = (*(case.key for case in CASES), *(case.key for case in PAIRS), FOOTPRINT)
