"""Collections and indexes at start: made once, whoever comes first; existing ones left alone."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Annotated

import pytest
from pymongo import MongoClient

from core.cli import main
from core.data.indexes import IndexChanges
from core.errors import StoreError
from core.schema.model import Model
from core.schema.rules import rule
from tests.contract.models import Item, Sharded
from tests.mongo import opened
from tests.tree import ROOT

STARTER = """
import asyncio, sys
from core.data.databases import Databases
from core.schema.model import Model
from core.settings import Mongo
from tests.contract.models import Item, Sharded

class Capped(Model, identity="start-capped", version="1.0", collection="capped",
             collection_options={"capped": True, "size": 4096}):
    text: str = ""

async def main() -> None:
    databases = Databases({"main": Mongo(url=sys.argv[1], name=sys.argv[2])})
    await databases.open()
    print("ready", flush=True)
    sys.stdin.readline()
    await databases.ensure_collections([Item, Sharded, Capped])
    await databases.close()

asyncio.run(main())
"""


def test_DB_9_eight_processes_start_on_an_empty_database(mongo_url: str, database_name: str) -> None:
    command = [sys.executable, "-c", STARTER, mongo_url, database_name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    starters = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(8)]
    for starter in starters:
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        starter.stdin.write("go\n")
        starter.stdin.flush()
    for starter in starters:
        _, errors = starter.communicate(timeout=60)
        assert (starter.returncode, errors) == (0, "")
    with MongoClient(mongo_url) as client:
        database = client[database_name]
        assert sorted(database.list_collection_names()) == ["capped", "items", "sharded"]
        assert sorted(database.items.index_information()) == ["_id_", "grouprank", "name"]
        assert database.items.index_information()["name"]["unique"] is True
        assert database.capped.options() == {"capped": True, "size": 4096}


async def test_an_existing_collection_is_left_alone(mongo_url: str, database_name: str) -> None:
    async with opened(mongo_url, database_name) as databases:
        await databases.raw()["items"].insert_many([{"name": "a"}, {"name": "a"}])
        await databases.ensure_collections([Item, Sharded])
        assert list(await databases[Item].raw.index_information()) == ["_id_"]
        changes = await databases[Item].ensure_indexes()
        assert changes.created == ["grouprank"]
        assert [text.startswith("index 'name' of model Item") for text in changes.conflicts] == [True]
        assert sorted(await databases[Item].raw.index_information()) == ["_id_", "grouprank"]


async def test_an_index_that_exists_differently_is_named(mongo_url: str, database_name: str) -> None:
    async with opened(mongo_url, database_name) as databases:
        await databases.raw()["items"].create_index("name", name="name")
        (conflict,) = (await databases[Item].ensure_indexes(prune=True)).conflicts
        assert re.search(r"'name' of model Item cannot be built: .*existing index", conflict)


async def test_an_index_with_another_name_gives_way_when_unknown_ones_are_dropped(
    mongo_url: str, database_name: str
) -> None:
    async with opened(mongo_url, database_name) as databases:
        await databases.raw()["items"].create_index("name", name="other", unique=True)
        assert "already exists with a different name" in (await databases[Item].ensure_indexes()).conflicts[0]
        changes = await databases[Item].ensure_indexes(prune=True)
        assert changes == IndexChanges(["name"], ["other"], [])


async def test_DB_9_an_index_that_cannot_be_made_at_start_is_named(mongo_url: str, database_name: str) -> None:
    class Twice(Model, identity="start-twice", version="1.0", collection="twice"):
        text: Annotated[str, rule("Text", index=True, index_options={"expireAfterSeconds": "soon"})] = ""

    async with opened(mongo_url, database_name) as databases:
        with pytest.raises(StoreError, match=r"index 'text' of model Twice cannot be built"):
            await databases.ensure_collections([Twice])


async def test_a_disabled_model_gets_no_collection(mongo_url: str, database_name: str) -> None:
    class Off(Model, identity="start-off", version="1.0", collection="off", disabled=True):
        text: str = ""

    async with opened(mongo_url, database_name) as databases:
        await databases.ensure_collections([Off, Sharded])
        assert await databases.raw().list_collection_names() == ["sharded"]


@pytest.mark.parametrize(
    ("url_name", "settings_name", "expected"),
    [("inurl", "", "inurl"), ("inurl", "given", "given"), ("", "", "main")],
    ids=["from the address", "from the settings", "from the key"],
)
async def test_the_name_of_the_database(mongo_url: str, url_name: str, settings_name: str, expected: str) -> None:
    async with opened(mongo_url.replace("/?", f"/{url_name}?"), settings_name) as databases:
        assert databases.raw().name == expected


def test_DB_9_the_command_creates_drops_and_names_the_index_that_duplicates_prevent(
    mongo_url: str, database_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATENA_MONGO_URL", mongo_url.replace("/?", f"/{database_name}?"))
    root = ROOT / "tests" / "acceptance" / "root"

    def run(*arguments: str) -> tuple[int, list[str]]:
        status = main(["test", "--root", str(root), "indexes", *arguments])
        return status, [line for line in capsys.readouterr().out.splitlines() if line.startswith("kitchen-dish")]

    with MongoClient(mongo_url) as client:
        dishes = client[database_name]["kitchen-dishes"]
        dishes.create_index("size", name="old")
        assert run() == (0, ["kitchen-dish: created name"])
        assert run() == (0, [])
        assert run("--prune") == (0, ["kitchen-dish: dropped old"])
        dishes.drop_index("name")
        dishes.insert_many([{"name": "soup"}, {"name": "soup"}])
        status, lines = run("--prune")
        assert status == 1
        assert "index 'name' of model Dish" in lines[0]
        assert "stored documents share a value" in lines[0]
