"""The clients of docs/howto/signed-requests.md: each registers, signs, corrects its clock; all against one server.

In: the page. Out: an application of its files on a real server, and every client run as the page says.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.applications import write_files
from tests.server import Server, start_server
from tests.signature_vectors import FILE, format_vectors
from tests.signing import PAGE, read_client

FILES = re.compile(r"^```python\n# (projects/[\w/]+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONFIG = """
from core import CronSettings, Mongo, ServerSettings, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))}, cron=CronSettings(enabled=False)
)
"""


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    write_files(root, {"config/test.py": CONFIG, **{found[1]: found[2] for found in FILES.finditer(PAGE)}})
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def server(root: Path, mongo_url: str) -> Iterator[Server]:
    with start_server(root, CATENA_MONGO_URL=mongo_url.replace("/?", "/signing_clients?")) as server:
        yield server


def need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which is not installed")


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(lines: list[str], name: str) -> None:
    """What a client prints: the answer to a POST with a body, and that to a GET."""
    posted, got = (json.loads(line) for line in lines)
    posted, got = posted.get("response", posted), got.get("response", got)
    assert posted["order"] == {"name": "Buy MILK"}, name
    assert re.fullmatch(r"[0-9a-f]{32}", posted["device"])
    assert got == {"device": posted["device"]}


@pytest.mark.parametrize("clock", [0, -100_000, 100_000], ids=["right", "late", "early"])
def test_the_python_client(root: Path, server: Server, clock: int) -> None:
    script = root / "client.py"
    script.write_text(read_client("python").replace("clock_offset = 0.0", f"clock_offset = {clock}"))
    check(run(sys.executable, script, f"{server.url}/shop").splitlines(), "python")


@pytest.mark.parametrize("clock", [0, -100_000, 100_000], ids=["right", "late", "early"])
def test_the_javascript_client(root: Path, server: Server, clock: int) -> None:
    need("node")
    script = root / "client.mjs"
    script.write_text(read_client("js").replace("clockOffset: 0", f"clockOffset: {clock}"))
    check(run("node", script, f"{server.url}/shop").splitlines(), "javascript")


@pytest.mark.parametrize("clock", [0, -100_000, 100_000], ids=["right", "late", "early"])
def test_the_shell_client(root: Path, server: Server, clock: int) -> None:
    need("sh", "curl", "openssl")
    script = root / "client.sh"
    script.write_text(read_client("sh").replace("offset=0", f"offset={clock}", 1))
    check(run("sh", script, f"{server.url}/shop").splitlines(), "shell")


def test_SIG_12_the_vectors_are_those_of_the_python_client() -> None:
    assert FILE.read_text(encoding="utf-8") == format_vectors(), "if this is meant: python -m tests.signature_vectors"


def test_SIG_12_the_javascript_client_makes_the_same_vectors(root: Path) -> None:
    need("node")
    (root / "client.mjs").write_text(read_client("js"))
    script = root / "vectors.mjs"
    script.write_text("""
        import { readFileSync } from "node:fs";
        import { signV1, signV2 } from "./client.mjs";
        const all = JSON.parse(readFileSync(process.argv[2]));
        const text = (one) => Buffer.from(one.body, "base64").toString();
        const make = {
          "1.0": (one) => signV1(all.device_id, all["1.0"].secret_id, all["1.0"].secret, one.method, one.url, text(one), all.seconds),
          "2.0": (one) => signV2(all.device_id, all["2.0"].key_id, all["2.0"].key, one.method, one.url, text(one), one.content_type, all.seconds, all.nonce),
        };
        const cases = all.cases.filter((one) => make[one.form]);
        const wrong = cases.filter((one) => make[one.form](one) !== one.headers.key).map((one) => one.form + " " + one.name);
        console.log(JSON.stringify({ count: cases.length, wrong }));
    """)
    found = json.loads(run("node", script, FILE))
    assert found == {"count": 86, "wrong": []}
