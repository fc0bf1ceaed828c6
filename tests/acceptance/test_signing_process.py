"""Signed requests on the wire: real servers over one MongoDB, keys that change under load, what the logs say."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.server import Answer, Server, run_command, start_server
from tests.signing import DEVICE_ID, VAULT, client
from tests.signing_load import Shot, shoot

pytestmark = pytest.mark.alone

BODY = b'{"name":"Buy MILK"}'
JSON = {"content_type": "application/json"}


@pytest.fixture
def root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    shutil.copytree(VAULT, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def url(mongo_url: str, database_name: str) -> str:
    return mongo_url.replace("/?", f"/{database_name}?")


def make_secret(root: Path, url: str, command: str = "create", **variables: str) -> dict[str, str]:
    done = run_command(root, "test", "secret", command, "--group", "vault", CATENA_MONGO_URL=url, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith(("id: ", "secret: ")))
    return {"secret_id": lines["id"], "secret": lines["secret"]}


def register(server: Server, version: str) -> dict[str, Any]:
    answer = server.request("POST", f"/vault/{version}/devices", json_body={})
    assert answer.status == 200, answer.body
    issued: dict[str, Any] = answer.json()["response"]
    return issued


def sign_v2(server: Server, device: dict[str, Any], method: str, path: str, body: bytes = b"") -> str:
    who = device["id"], device["key"]["id"], device["key"]["key"]
    key: str = client.sign_v2(*who, method, server.url + path, body, JSON["content_type"] if body else "")
    return key


def sign_v1(server: Server, device_id: str, secret: dict[str, str], method: str, path: str, body: bytes = b"") -> str:
    who = device_id, secret["secret_id"], secret["secret"]
    key: str = client.sign_v1(*who, method, server.url + path, body)
    return key


def post(server: Server, path: str, key: str) -> Answer:
    return server.request("POST", path, body=BODY, key=key, **JSON)


def test_both_versions_on_the_wire_and_SIG_2_once_over_four_processes(root: Path, url: str) -> None:
    """50 in parallel, then 200 one after another, then again after a restart: one is accepted."""
    secret = make_secret(root, url)
    variables = {"CATENA_MONGO_URL": url, "CATENA_WORKERS": "4"}
    with start_server(root, **variables) as server:
        device = register(server, "2")
        port = server.port
        for path, key in (
            ("/v1/json", sign_v1(server, device["id"], secret, "POST", "/v1/json", BODY)),
            ("/v2/json", sign_v2(server, device, "POST", "/v2/json", BODY)),
        ):
            with ThreadPoolExecutor(50) as pool:
                answers = list(pool.map(lambda _: post(server, path, key), range(50)))  # noqa: B023
            statuses = [answer.status for answer in answers]
            assert statuses.count(200) == 1
            assert set(statuses) <= {200, 401, 503}, "503: the machine is busy with other tests"
            assert {answer.json()["errors"][0]["code"] for answer in answers if answer.status == 401} == {"KeyReplayed"}
            refused = next(answer for answer in answers if answer.status == 401)
            assert {"date", "timestamp", "www-authenticate"} <= refused.headers.keys()
            assert {401} <= {post(server, path, key).status for _ in range(200)} <= {401, 503}
        keys = key, sign_v2(server, device, "GET", "/v2/items?a=1")
        assert server.get("/v2/items?a=1", key=keys[1]).status == 200
    with start_server(root, port=port, **variables) as server:
        assert post(server, "/v2/json", keys[0]).status == 401
        assert server.get("/v2/items?a=1", key=keys[1]).status == 200


def test_D09_a_body_is_verified_as_it_was_received(root: Path, url: str) -> None:
    """In chunks or in one piece it is the same body; another content coding is another one, or none that is read."""
    import http.client

    with start_server(root, CATENA_MONGO_URL=url) as server:
        device = register(server, "2")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        key = sign_v2(server, device, "POST", "/v2/json", BODY)
        pieces = (BODY[:3], BODY[3:])
        connection.request("POST", "/v2/json", iter(pieces), {"key": key, "content-type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
        import gzip

        key = sign_v2(server, device, "POST", "/v2/json", BODY)
        packed = server.request("POST", "/v2/json", body=gzip.compress(BODY), key=key, content_encoding="gzip", **JSON)
        assert packed.status in {401, 415}
        key = sign_v2(server, device, "POST", "/v2/items", BODY)
        chunked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        chunked.request("POST", "/v2/items", iter((BODY, b"more")), {"key": key})
        assert chunked.getresponse().status == 401
        chunked.close()


def keys_under_load(root: Path, url: str, rate: float, duration_s: float) -> None:
    """Two servers; one device replaces its key again and again, another one's key and a secret are taken away.

    No valid request may be refused, and no revoked key or secret accepted after five seconds.
    """
    secret = make_secret(root, url)
    revoked_secret = make_secret(root, url)
    with ExitStack() as stack:
        variables = {"CATENA_MONGO_URL": url, "CATENA_LOG_LEVEL": "warn"}
        one, two = (stack.enter_context(start_server(root, **variables)) for _ in range(2))
        rotating, losing = register(one, "2"), register(one, "2")
        revoked_at: dict[str, float] = {}
        shots: list[Shot] = []
        number = 0

        def make() -> tuple[str, bytes]:
            nonlocal number
            number += 1
            server, kind = (one, two)[(number - 1) % 2], (number // 2) % 4
            label, version = ("rotating", "losing", "secret", "revoked secret")[kind], "v2" if kind < 2 else "v1"
            path = f"/{version}/items?n={number}"
            if kind < 2:
                key = sign_v2(server, (rotating, losing)[kind], "GET", path)
            else:
                key = sign_v1(server, DEVICE_ID, (secret, revoked_secret)[kind - 2], "GET", path)
            host = server.url.partition("://")[2]
            return label, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nkey: {key}\r\n\r\n".encode()

        with MongoClient(url) as mongo:
            database = mongo.get_default_database()
            database["devices"].insert_one({"id": DEVICE_ID, "status": "active"})
            asyncio.run(_run_keys_under_load(
                shoot([one.port, two.port], make, rate, duration_s, shots), one, rotating, losing, revoked_secret,
                revoked_at, database, duration_s,
            ))  # fmt: skip
    judge(shots, revoked_at, int(rate * duration_s))


async def _run_keys_under_load(
    load: Any,
    server: Server,
    rotating: Any,
    losing: Any,
    revoked_secret: Any,
    revoked_at: Any,
    database: Any,
    duration_s: float,
) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(load)
    began = loop.time()
    await asyncio.sleep(1)
    filter = {"id": losing["id"]}
    await asyncio.to_thread(database["devices"].update_one, filter, {"$set": {"keys.0.disabled": True}})
    revoked_at["losing"] = loop.time()
    filter = {"id": revoked_secret["secret_id"]}
    await asyncio.to_thread(database["secrets"].update_one, filter, {"$set": {"enabled": False}})
    revoked_at["revoked secret"] = loop.time()
    while loop.time() - began < duration_s - 0.5:
        path = f"/vault/2/devices/{rotating['id']}/keys"
        key = sign_v2(server, rotating, "POST", path)
        answer = await asyncio.to_thread(server.request, "POST", path, key=key)
        assert answer.status == 200, answer.body
        rotating["key"] = answer.json()["response"]
        await asyncio.sleep(0.3)
    await running


def judge(shots: list[Shot], revoked_at: dict[str, float], offered: int) -> None:
    assert len(shots) == offered
    for label in ("rotating", "secret"):
        refused = [shot for shot in shots if shot.label == label and shot.status != 200]
        assert refused == []
    longest = 0.0
    for label, at in revoked_at.items():
        mine = [shot for shot in shots if shot.label == label]
        assert all(shot.status in {200, 401} for shot in mine)
        accepted = [shot.answered_at - at for shot in mine if shot.status == 200]
        assert [shot for shot in mine if shot.sent_at > at + 5 and shot.status == 200] == []
        assert [shot for shot in mine if shot.sent_at > at + 5], "the load went on for long enough"
        longest = max(longest, *accepted)
    print(f"{len(shots)} requests; what was revoked was accepted for {longest:.2f} s")
    assert longest <= 5


def test_SIG_10_keys_change_under_load(root: Path, url: str) -> None:
    keys_under_load(root, url, rate=200, duration_s=8)


def test_LOG_2_nothing_secret_is_logged_or_answered(root: Path, url: str) -> None:
    """Every way a key, a secret, a session or an expected signature could get out, at the most talkative level."""
    sealing = secrets.token_hex(24)
    variables = {"CATENA_MONGO_URL": url, "CATENA_LOG_LEVEL": "trace"}
    config = root / "config" / "test.py"
    config.write_text(config.read_text().replace(
        "settings = ServerSettings(", f'settings = ServerSettings(projects={{"generic-access": {{"sealing_secret": "{sealing}"}}}},'
    ))  # fmt: skip
    secret, static = make_secret(root, url), secrets.token_hex(16)
    answers: list[Answer] = []
    hidden = {"sealing": sealing, "secret": secret["secret"], "static": static}
    with start_server(root, **variables) as server, MongoClient(url) as mongo:
        device = register(server, "2")
        hidden["key"] = device["key"]["key"]
        mongo.get_default_database()["devices"].insert_one(
            {"id": "a" * 32, "status": "active", "access": {"key": static, "cidr": ["10.0.0.0/8"], "groups": ["vault"]}}
        )

        def ask(method: str, path: str, *, body: bytes = b"", **headers: str) -> Answer:
            answers.append(server.request(method, path, body=body, debug="true", **headers))
            return answers[-1]

        good = {
            "expected 1.0": sign_v1(server, device["id"], secret, "POST", "/v1/json", BODY),
            "expected 2.0": sign_v2(server, device, "POST", "/v2/json", BODY),
        }
        for (name, key), path in zip(good.items(), ("/v1/json", "/v2/json"), strict=True):
            hidden[name] = key[-64:]
            wrong = key[:-64] + "0" * 64
            assert ask("POST", path, body=BODY, key=wrong, **JSON).status == 401
            assert ask("POST", path, body=BODY, key=key, **JSON).status == 200
            assert ask("POST", path, body=BODY, key=key, **JSON).status == 401
            assert ask("POST", path, body=b"{", key=key, **JSON).status == 400
            assert ask("GET", f"/other{path[2]}/items", key=key).status in {401, 403}
        assert ask("GET", "/v1/items", key=static).status == 403
        assert ask("GET", "/v1/items", key="\xff" * 138).status == 401
        who = device["id"], device["key"]["id"], device["key"]["key"]
        message = client.sign_message(*who, "GET", server.url + "/v2/items")
        hidden["message"] = message["Signature"].split(":")[1]
        assert (
            ask("GET", "/v2/items", **{name.replace("-", "_"): value for name, value in message.items()}).status == 200
        )
        assert (
            ask("GET", "/v2/json", **{name.replace("-", "_"): value for name, value in message.items()}).status == 405
        )
        hidden["old key"] = md5((secret["secret"] + device["id"]).encode()).hexdigest()
        sessions = f"/vault/devices/{device['id']}/sessions"
        assert ask("POST", sessions, key="0" * 32 + secret["secret_id"]).status == 403
        assert ask("POST", sessions, key="0" * 63).status == 400
        opened = server.request("POST", sessions, key=hidden["old key"] + secret["secret_id"]).json()["response"]
        hidden["session"] = opened["sessionId"]
        assert ask("GET", "/vault/me", session=hidden["session"]).status == 200
        assert ask("GET", "/vault/me", session="0" * 64).status == 403
        assert ask("GET", "/api-docs").status in {200, 404}
        checked = run_command(root, "test", "check", **variables)
        listed = run_command(root, "test", "secret", "list", **variables)
        broken = run_command(root, "test", "secret", "disable", **variables)
        mongo.close()
        written = server.output
    texts = {"log": written, "check": checked.stdout + checked.stderr, "list": listed.stdout + listed.stderr}
    texts["disable"] = broken.stdout + broken.stderr
    texts |= {f"answer {at}": f"{answer.headers} {answer.body!r}" for at, answer in enumerate(answers)}
    found = [(name, place) for name, value in hidden.items() for place, text in texts.items() if value in text]
    assert found == []
    refusals = [json.loads(line) for line in written.splitlines() if '"access.refused"' in line]
    assert {"KeyInvalid", "KeyReplayed", "IPNotAllowed", "AccessKeyInvalid", "SessionTokenNotValid"} <= {
        event["code"] for event in refusals
    }, "LOG-4: refusals are told, with actor and address"
    assert all(event["client_ip"] == "127.0.0.1" and event["request_id"] for event in refusals)
    assert "Traceback" not in written


def test_LOG_4_refusals_are_told_with_actor_address_and_outcome(root: Path, url: str) -> None:
    secret = make_secret(root, url)
    with start_server(root, CATENA_MONGO_URL=url) as server, MongoClient(url) as mongo:
        device, limited = register(server, "1")["id"], register(server, "1")["id"]
        devices = mongo.get_default_database()["devices"]
        devices.update_one({"id": limited}, {"$set": {"rateLimit": {"interval": 60, "maxRequests": 1}}})
        key = sign_v1(server, device, secret, "POST", "/v1/json", BODY)
        assert server.request("POST", "/v1/json", body=BODY, key=key, **JSON).status == 200
        answers = [server.request("POST", "/v1/json", body=BODY, key=key, **JSON)]
        answers.append(server.request("POST", "/v1/json", body=BODY, key=key[:-64] + "0" * 64, **JSON))
        answers.append(server.get("/other1/items", key=sign_v1(server, device, secret, "GET", "/other1/items")))
        for at in (1, 2):
            path = f"/v1/items?n={at}"
            answers.append(server.get(path, key=sign_v1(server, limited, secret, "GET", path)))
    told = {event["request_id"]: event for event in map(json.loads, server.output.splitlines()) if "actor" in event}
    seen = [told.get(answer.headers["x-request-id"]) for answer in answers]
    assert [event and (event["action"], event["code"], event["actor"], event["client_ip"]) for event in seen] == [
        ("access.refused", "KeyReplayed", device, "127.0.0.1"),
        ("access.refused", "KeyInvalid", device, "127.0.0.1"),
        ("access.refused", "KeyInvalidForGroup", device, "127.0.0.1"),
        None,
        ("limit.refused", "RateLimitExceededForKey", limited, "127.0.0.1"),
    ]
    assert [answer.status for answer in answers] == [401, 401, 403, 200, 429]


def test_LOG_5_refusals_are_sampled(root: Path, url: str) -> None:
    with start_server(root, CATENA_MONGO_URL=url) as server:
        began = time.monotonic()
        for _ in range(200):
            assert server.get("/v1/items", key="0" * 138).status == 401
        took = time.monotonic() - began
        lines = [line for line in server.output.splitlines() if '"access.refused"' in line]
        assert len(lines) <= 10 * (took + 2)


def test_SIG_10_a_disabled_secret_is_refused_by_every_server_in_time(root: Path, url: str) -> None:
    """By the command, on two servers that have just used it."""
    secret = make_secret(root, url)
    with ExitStack() as stack:
        servers = [stack.enter_context(start_server(root, CATENA_MONGO_URL=url)) for _ in range(2)]
        device = register(servers[0], "1")

        def statuses() -> set[int]:
            path = f"/v1/items?n={secrets.token_hex(8)}"
            return {
                server.get(path, key=sign_v1(server, device["id"], secret, "GET", path)).status for server in servers
            }

        assert statuses() == {200}
        done = run_command(root, "test", "secret", "disable", "--id", secret["secret_id"], CATENA_MONGO_URL=url)
        assert done.stdout.endswith("1 disabled\n")
        deadline = time.monotonic() + 5
        while statuses() != {401}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
