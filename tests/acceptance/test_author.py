"""What an author writes, and what comes of it: small projects of their own for sentences that no other test holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ErrorItem, Unavailable, UnresolvedReference
from core.settings import Host
from core.testing import make_app

SETTINGS = """
from core import Params, Settings, factory

class Oven(Params):
    heat: int = 200

class BakerySettings(Settings, identity="bakery-config"):
    title: str = "Bakery"
    oven: Oven = factory(Oven)
    prices: dict[str, int] = factory(dict[str, int])
"""
CONTROLLERS = """
from collections.abc import AsyncGenerator
from core import Context, Controller, Response

breads = Controller("bakery-breads")

@breads.action("measure")
async def measure(ctx: Context) -> AsyncGenerator[None, Response]:
    response = yield
    response.headers["X-Status"] = str(response.status)
    del response.headers["content-security-policy"]

@breads.list
async def names(ctx: Context) -> list[str]:
    return ["rye"]
"""
ROUTES = """
from core import Path, Route, Routes
from projects.bakery.controllers.breads import measure, names

api = Routes(group="bakery", prefix="/bakery", before=[measure], paths=[Path("./breads", list=Route("l", chain=[names]))])
own = Routes(group="bakery", prefix="/own", host_id="own", paths=[Path("./breads", list=Route("o", chain=[names]))])
"""
HOSTS = [Host("all", ["*.bakery.example", "bakery.example"]), Host("own", ["own.example"])]


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    folder = tmp_path / "projects" / "bakery"
    texts = {"config/settings.py": SETTINGS, "controllers/breads.py": CONTROLLERS, "routes/api.py": ROUTES}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return folder


async def test_a_project_with_virtual_hosts_is_tested_without_naming_one(bakery: Path) -> None:
    async with make_app(bakery, hosts=HOSTS) as app:
        reply = await app.client.get("/bakery/breads")
        assert (app.client.host, reply.status, reply.json()["response"]) == ("testserver.bakery.example", 200, ["rye"])
        assert (await app.client.get("/own/breads")).status == 404
        assert (await app.client.get("/own/breads", headers={"Host": "own.example"})).status == 200
        assert (await app.client.get("/bakery/breads", headers={"Host": "other.example"})).status == 421


async def test_an_around_step_changes_headers_as_a_mapping(bakery: Path) -> None:
    async with make_app(bakery, hosts=HOSTS) as app:
        reply = await app.client.get("/bakery/breads")
        assert reply.headers["x-status"] == "200"
        assert "content-security-policy" not in reply.headers


async def test_config_leads_into_objects_and_names_the_line_that_asks_for_nothing(bakery: Path) -> None:
    chosen = {"bakery-config": {"oven": {"heat": 250}, "prices": {"rye": 3}}}
    async with make_app(bakery, hosts=HOSTS, projects=chosen) as app:
        ctx = app.context()
        found = [ctx.config(f"bakery-config.{path}") for path in ("title", "oven.heat", "prices.rye")]
        assert found == ["Bakery", 250, 3]
        for path in ("bakery-config.titel", "bakery-config.oven.hot", "bakery-config.title.upper", "x.y"):
            with pytest.raises(UnresolvedReference) as caught:
                ctx.config(path)
            assert (caught.value.message, caught.value.source.file) == (f"there is no setting '{path}'", __file__)
        for ask in (lambda: ctx.lib("none"), lambda: ctx.model("none"), lambda: ctx.http["none"]):
            with pytest.raises(UnresolvedReference) as caught:
                ask()
            assert caught.value.source.file == __file__


OVEN = """
from core import Context, Controller, HTTPError, Response

oven = Controller("mill-oven")

@oven.list
async def bake(ctx: Context) -> dict[str, str]:
    return {"raw": ctx.request.raw.decode()}

@oven.create
async def receive(ctx: Context) -> dict[str, str]:
    return {"raw": ctx.request.raw.decode()}

@oven.delete
async def burn(ctx: Context) -> None:
    raise HTTPError("Burnt")

@oven.action("excuse")
async def excuse(ctx: Context, error: HTTPError) -> Response:
    return Response(error.code, 418)
"""
HOOKS = """
from core import Body, Path, Route, Routes, use

api = Routes(group="bakery", prefix="/oven", errors=[use("mill-oven", function="excuse")], paths=[
    Path("./hook", list=Route("h", chain=[use("mill-oven")]), create=Route("c", chain=[use("mill-oven")], body=Body("raw")),
         delete=Route("d", chain=[use("mill-oven")]))])
"""


@pytest.fixture
def mill(bakery: Path) -> Path:
    """The bakery, whose routes name a controller of another project of its root."""
    other = bakery.parent / "mill" / "controllers"
    other.mkdir(parents=True)
    (other / "oven.py").write_text(OVEN)
    (bakery / "routes" / "hooks.py").write_text(HOOKS)
    return bakery


async def test_a_project_is_tested_with_the_others_that_its_chains_name(mill: Path) -> None:
    async with make_app(mill, hosts=HOSTS) as app:
        assert (await app.client.get("/oven/hook")).json()["response"] == {"raw": ""}


async def test_the_folder_is_seen_from_where_the_tests_run(bakery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bakery.parents[1])
    async with make_app("projects/bakery", hosts=HOSTS) as app:
        assert (await app.client.get("/bakery/breads")).status == 200
    async with make_app("projects/demo") as app:
        assert (await app.client.get("/demo/v1/todo")).status == 200


async def test_an_action_is_called_where_no_route_stands(bakery: Path) -> None:
    (bakery / "routes" / "api.py").unlink()
    async with make_app(bakery) as app:
        from projects.bakery.controllers.breads import names  # type: ignore[import-not-found]  # written by this test

        assert await names(app.context()) == ["rye"]


async def test_a_body_that_the_route_declares_is_kept_though_no_step_takes_it(mill: Path) -> None:
    async with make_app(mill, hosts=HOSTS) as app:
        reply = await app.client.post("/oven/hook", content=b"sack", headers={"Content-Type": "application/x-any"})
        assert reply.json()["response"] == {"raw": "sack"}


async def test_the_error_of_an_error_step_needs_not_be_keyword_only(mill: Path) -> None:
    async with make_app(mill, hosts=HOSTS) as app:
        reply = await app.client.delete("/oven/hook/1")
        assert (reply.status, reply.text) == (418, "Burnt")


def test_every_http_error_takes_items_and_headers() -> None:
    error = Unavailable("Closed", "at night", errors=[ErrorItem("Closed"), ErrorItem("Dark")], headers={"X-Opens": "6"})
    assert [item.code for item in error.errors] == ["Closed", "Dark"]
    assert error.headers == {"X-Opens": "6", "Retry-After": "1"}
    assert Unavailable(headers={"Retry-After": "60"}, retry_after_s=5).headers == {"Retry-After": "60"}
