"""Property tests of the demo over HTTP: whatever its document admits is answered as the document says.

All checks of schemathesis run, 100 examples per operation with a fixed seed; `CATENA_EXAMPLES=2000` asks for more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.server import start_server
from tests.tools import child_environment

EXAMPLES = int(os.environ.get("CATENA_EXAMPLES", "100"))
SEED = "20261121"


def add_links(document: dict) -> dict:
    """Says which answer names the item of which operation, so that items are followed through their life."""
    for prefix in ("demo-v1", "demo-latest"):
        links = {
            name: {"operationId": f"{prefix}-{name}", "parameters": {"id": "$response.body#/response/id"}}
            for name in ("todo", "update-todo", "delete-todo")
        }
        path = f"/{prefix.replace('-', '/')}/todo"
        document["paths"][path]["post"]["responses"]["200"]["links"] = links
    return document


def test_demo_keeps_what_its_document_promises(demo_root: Path, mongo_url: str, database_name: str) -> None:
    url = mongo_url.replace("/?", f"/{database_name}?")
    with start_server(demo_root, CATENA_MONGO_URL=url) as server:
        document = demo_root / "openapi.json"
        document.write_text(json.dumps(add_links(server.get("/api-docs").json())))
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", str(document), f"--url={server.url}", "--no-color",
            "--checks=all", f"--max-examples={EXAMPLES}", f"--seed={SEED}", "--continue-on-failure",
            "--generation-database=none",
            # A number is read as text, also where a pattern limits the text; JSON Schema cannot say that.
            "--exclude-path=/demo-auth/v1/devices",
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=demo_root, env=child_environment(), capture_output=True, text=True, timeout=60 + 6 * EXAMPLES
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "19 selected / 20 total" in done.stdout
        assert server.process.poll() is None
        assert "Traceback" not in server.output
