"""Tests of projects: a whole application in the test's own process, without a socket.

In: a project folder. Out: an application with a client. Unexpected errors of a step are raised in the test
instead of being answered 500. With `mongo="memory"` nothing needs to be installed; a real URL (with its own
database per application) behaves as in production.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partialmethod
from pathlib import Path
from typing import Any

import orjson

from core.cron.job import run_once
from core.data.databases import Databases
from core.link.linked import LinkedRoute
from core.load.configuration import list_modes, load_settings
from core.serve.app import App
from core.serve.context import Context
from core.serve.create import HOME, Assembly, application_folders, assemble, build_app
from core.serve.request import Request
from core.settings import CronSettings, Mongo, ServerSettings


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `headers` by lower-case name; of repeated ones the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Client:
    """Calls an application as an ASGI server would; on its first virtual host, where a request names no `host`."""

    def __init__(self, app: App, failures: list[BaseException], *, raise_errors: bool = True) -> None:
        self._app = app
        self._failures = failures
        self.raise_errors = raise_errors
        names = (name.replace("*", "testserver") for host in app.context.server.hosts for name in host.names)
        self.host = next(names, "testserver")

    async def request(
        self, method: str, path: str, *, json: Any = ..., content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and read the whole answer.

        Args:
            method: HTTP method.
            path: path with query, percent-encoded.
            json: a body to encode, with its content type.
            content: a body as it is.
            headers: further headers; names are case-insensitive.

        Raises:
            BaseException: what a step raised unexpectedly, unless `raise_errors` is off.
        """
        sent = {"host": self.host} | {name.lower(): value for name, value in (headers or {}).items()}
        if json is not ...:
            content = orjson.dumps(json)
            sent.setdefault("content-type", "application/json")
        if content:
            sent.setdefault("content-length", str(len(content)))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
        # A task of its own, as in a server: deadlines cancel it, and its context variables end with it.
        reply = await asyncio.create_task(self._call(method, path, raw, content))
        if self._failures and self.raise_errors:
            raise self._failures.pop()
        return reply

    async def _call(self, method: str, path: str, headers: list[tuple[bytes, bytes]], content: bytes) -> Reply:
        raw_path, _, query = path.encode("latin-1").partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": raw_path.decode("latin-1"),
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("testserver", 80),
        }
        events: list[dict[str, Any]] = [{"type": "http.request", "body": content, "more_body": False}]
        sent: list[dict[str, Any]] = []

        answered = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if events:
                return events.pop()
            await answered.wait()  # a client that waits for its answer has not left
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        await self._app(scope, receive, send)
        start, *rest = sent
        got = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(start["status"], got, b"".join(message.get("body", b"") for message in rest))

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")


class TestApp:
    """A running application under test.

    Attributes:
        client: calls it.
        app: the ASGI application.
    """

    __test__ = False

    def __init__(self, app: App, client: Client) -> None:
        self.app = app
        self.client = client
        self.db = app.context.db

    def context(self, route: LinkedRoute | None = None, **request: Any) -> Context:
        """A context for calling an action directly: `await create_todo(app.context(), body=…)`.

        Args:
            route: the route it stands for; by default the first one, or none where there is none.
            request: arguments of `Request` beside method and path.
        """
        linked: Any = route or next(iter(self.app.context.linked.routes), None)
        asked = (linked.method, linked.url) if linked is not None else ("GET",)
        return Context(self.app.context, linked, Request(*asked, **request))

    async def run_cron(self, identity: str) -> None:
        """Run a job once, now; its errors are the test's.

        Raises:
            KeyError: no such job.
        """
        jobs = {job.identity: job for job in self.app.context.linked.jobs}
        await run_once(self.app.context, jobs[identity])


@asynccontextmanager
async def make_app(
    folder: str | Path,
    *,
    mongo: str = "memory",
    mode: str = "test",
    clock: Callable[[], datetime] | None = None,
    **settings: Any,
) -> AsyncIterator[TestApp]:
    """An application of one project beside `generic`, started; with the others of its root where it needs them.

    Args:
        folder: the project's folder, seen from where the tests run or else from the repository.
        mongo: `memory`, or the URL of a MongoDB, where the application gets a database of its own for its life.
        mode: the configuration, where the root of the project has one of that name.
        clock: gives the current time instead of the real one.
        settings: fields of `ServerSettings` to replace.
    """
    place = Path(folder)
    place = (place if place.is_dir() else HOME / place).resolve()  # noqa: ASYNC240  nothing else waits for it
    root = place.parent.parent if place.parent.name == "projects" else place.parent
    memory = mongo == "memory"
    name = f"test_{secrets.token_hex(6)}"
    found = _read_settings(mode, root)
    databases = {key: Mongo("" if memory else mongo, name=f"{name}_{key}") for key in found.databases or ["main"]}
    chosen = replace(found, databases=databases, **settings)
    failures: list[BaseException] = []
    data = Databases(databases, chosen.default_database, memory=memory)
    app = build_app(_assemble(mode, root, chosen, place), data, failures, clock)
    await app.start()
    try:
        yield TestApp(app, Client(app, failures))
    finally:
        if not memory:
            for key in databases:
                await data.raw(key).client.drop_database(f"{name}_{key}")
        await app.stop()


def _read_settings(mode: str, root: Path) -> ServerSettings:
    settings = load_settings(mode, root) if mode in list_modes(root) else ServerSettings()
    return replace(settings, cron=CronSettings(enabled=False), overload=None)


def _assemble(mode: str, root: Path, settings: ServerSettings, folder: Path) -> Assembly:
    """The project alone where that suffices, else with every project of its root, which its chains may name."""
    try:
        return assemble(mode, root, settings, [HOME / "generic", folder])
    except ExceptionGroup:
        folders = application_folders(root)
        if folder not in folders:
            raise
    return assemble(mode, root, settings, folders)
