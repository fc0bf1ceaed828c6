"""The OpenAPI document of this repository: valid, equal to the golden file, and the same wherever it is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.testing import make_app
from tests.server import run_command
from tests.signing import VAULT
from tests.tree import ROOT

GOLDEN = ROOT / "tests" / "acceptance" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    done = run_command(ROOT, "test", "openapi")
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_document_equals_the_golden_file(document) -> None:
    assert document == json.loads(GOLDEN.read_text(encoding="utf-8")), "if this is meant: make docs"


def test_document_is_valid(document) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


async def test_api_docs_gives_the_same_document(document) -> None:
    async with make_app("projects/demo") as app:
        reply = await app.client.get("/api-docs")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.json() == document


def test_a_route_of_both_signatures_demands_no_header_of_one_of_them() -> None:
    paths = json.loads(run_command(VAULT, "test", "openapi").stdout)["paths"]
    demanded = {
        path: {item["name"]: item.get("required", False) for item in paths[path]["get"]["parameters"]}
        for path in ("/v1/items", "/both/items", "/turned/items")
    }
    either = {"key": False, "signature-input": False, "signature": False, "content-digest": False}
    assert demanded == {"/v1/items": {"key": True}, "/both/items": either, "/turned/items": either}
