"""mia's own vectors on the wire: a server on the first of January 2015 accepts them, and our client makes them."""

from __future__ import annotations

import http.client
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.applications import write_files
from tests.rig.processes import wrong_clock
from tests.server import Server, start_server
from tests.signing import DEVICE_ID, SECRET, SECRET_ID, client
from tests.tools import require_tool

FILES = {
    "config/test.py": """
from core import CronSettings, Mongo, ServerSettings, env

settings = ServerSettings(
    databases={"main": Mongo(url=env("CATENA_MONGO_URL"))}, cron=CronSettings(enabled=False),
    trusted_proxies=["127.0.0.1"],
)
""",
    "projects/old/controllers/service.py": """
from core import Context, Controller
from generic.models.device import Device

service = Controller("old-service", group="demo")


@service.all
async def tell(ctx: Context, *, device: Device) -> str:
    return device.id
""",
    "projects/old/routes/service.py": """
from core import Path, Route, Routes, use

_CHAIN = [use("old-service")]
service = Routes(
    group="demo",
    before=[use("generic-validateAccessKey", "1.0")],
    paths=[
        Path("/api/v1/service", get=Route("service", chain=_CHAIN)),
        Path("/demo-auth/v1/todo", post=Route("todo", chain=_CHAIN)),
    ],
)
""",
}
#: method, url, body, signature: the table of mia.js
VECTORS = [
    pytest.param(
        "GET", "https://mydomain.com/api/v1/service?my=first&parameter=settings", b"",
        "c444df0cf92e714133c99a9caf9ed0102757018ea27eb9587932c56a5b7f79dd", id="GET",
    ),
    pytest.param(
        "POST", "http://localhost:3000/demo-auth/v1/todo", b'{"name":"Buy MILK"}',
        "0e956f721642195a34620249f0a603144cecaa558acdc3db578d917e39e80921", id="POST",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(mongo_url: str) -> Iterator[Server]:
    """Its clock began at the time of the vectors, a moment ago."""
    require_tool("faketime")
    root, url = Path(tempfile.mkdtemp(prefix="catena-")), mongo_url.replace("/?", "/signed_vectors?")
    write_files(root, FILES)
    clock = {**wrong_clock("@2015-01-01 00:00:00"), "TZ": "UTC"}
    with MongoClient(url) as mongo, start_server(root, measured=True, CATENA_MONGO_URL=url, **clock) as running:
        database = mongo.get_default_database()
        database["secrets"].insert_one({"id": SECRET_ID, "secret": SECRET, "groups": ["demo"], "enabled": True})
        database["devices"].insert_one({"id": DEVICE_ID, "status": "active"})
        yield running
    shutil.rmtree(root, ignore_errors=True)


def send(server: Server, method: str, url: str, body: bytes, key: str) -> tuple[int, bytes]:
    """A request of a client that takes the server for another one, through a proxy that ends TLS."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    headers = {"Host": host, "key": key, "X-Forwarded-Proto": scheme, "X-Forwarded-For": "10.1.2.3"}
    headers |= {"Content-Type": "application/json"} if body else {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, f"/{path}", body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(("method", "url", "body", "signature"), VECTORS)
def test_vectors_of_mia_js_on_the_wire(server: Server, method: str, url: str, body: bytes, signature: str) -> None:
    key = f"{DEVICE_ID}{SECRET_ID}1420070400{signature}"
    for changed in (key[:-1] + ("0" if key[-1] != "0" else "1"), key[:73] + "1" + key[74:]):
        status, answer = send(server, method, url, body, changed)
        assert (status, b'"KeyInvalid"' in answer) == (401, True)
    status, answer = send(server, method, url, body, key)
    assert (status, DEVICE_ID.encode() in answer) == (200, True), answer
    status, answer = send(server, method, url, body, key)
    assert status == (200 if method == "GET" else 401), "what changes something counts once"


@pytest.mark.parametrize(("method", "url", "body", "signature"), VECTORS)
def test_our_client_makes_the_vectors_of_mia_js(
    server: Server, method: str, url: str, body: bytes, signature: str
) -> None:
    made = client.sign_v1(DEVICE_ID, SECRET_ID, SECRET, method, url, body, 1420070400)
    assert made == f"{DEVICE_ID}{SECRET_ID}1420070400{signature}"
    later = client.sign_v1(DEVICE_ID, SECRET_ID, SECRET, method, url, body, 1420070400 + 7)
    assert send(server, method, url, body, later)[0] == 200
