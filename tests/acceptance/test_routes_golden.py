"""The route table of this repository is the one that was agreed on: `make docs` writes it, a person reads the diff."""

from __future__ import annotations

import json

from tests.server import run_command
from tests.tree import ROOT

GOLDEN = ROOT / "tests" / "acceptance" / "routes.json"


def test_routes_equal_the_golden_file() -> None:
    done = run_command(ROOT, "test", "routes", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout) == json.loads(GOLDEN.read_text(encoding="utf-8")), "if this is meant: make docs"


def test_routes_as_text_name_method_url_chain_and_place() -> None:
    lines = run_command(ROOT, "test", "routes").stdout.splitlines()
    assert any(
        line.startswith("GET ")
        and "/demo/v1/todo/:id" in line
        and "demo-todos@1.0.index → generic-defaultJSONResponse@1.0.all" in line
        and "projects/demo/routes/api.py:" in line
        for line in lines
    )


def test_a_route_explains_what_a_request_runs_through() -> None:
    done = run_command(ROOT, "test", "routes", "--explain", "GET /demo/v1/todo")
    assert done.returncode == 0
    assert "check query: limit, skip, sort, ascending" in done.stdout
    assert "1. demo-checkAccess@1.0.all" in done.stdout


def test_an_unknown_route_cannot_be_explained() -> None:
    done = run_command(ROOT, "test", "routes", "--explain", "GET /nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("--explain: there is no route 'GET /nowhere'")
