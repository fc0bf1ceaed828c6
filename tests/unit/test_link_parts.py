"""Everything besides routes: signatures, jobs, start functions, commands, settings, texts, libs, models."""

from __future__ import annotations

import asyncio
import typing
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any

import pytest

from core.cron.schedule import Schedule
from core.declare.controller import Controller
from core.declare.cron import cron
from core.declare.project import Project, Settings
from core.errors import BadDeclaration, HTTPError
from core.link.paths import build_urls, check_pattern, comparable, expand_keywords
from core.link.routes import merge_field
from core.link.signature import read_signature, split_union
from core.load.convert import print_type
from core.schema.fields import MISSING, read_fields
from core.schema.params import Params
from core.schema.rules import factory, rule
from core.settings import Mongo, Secret, ServerSettings
from core.source import Source
from tests.applications import link_files, report_files

pytestmark = pytest.mark.usefixtures("own_imports")


class Device: ...


class Phone(Device): ...


class Response: ...


class Page(Params):
    limit: int = 25


def declare(function: Any, **options: Any) -> Any:
    return Controller("demo-c").action("f", **options)(function)


def refuse(function: Any, **options: Any) -> str:
    with pytest.raises(BadDeclaration) as caught:
        read_signature(declare(function, **options))
    return caught.value.message.replace("demo-c@1.0.f", "f")


def test_a_signature_sorts_its_parameters() -> None:
    async def f(
        ctx: object, *, query: Page, body: bytes, options: Page, device: Device, phone: Phone | None, n: int = 5
    ) -> None: ...

    found = read_signature(declare(f))
    assert found.kind == "async"
    assert dict(found.sections) == {"query": Page, "body": bytes}
    assert (found.options, found.options_default, found.is_error_step) == (Page, False, False)
    assert [(need.name, need.type, need.optional) for need in found.needs] == [
        ("device", Device, False),
        ("phone", Phone, True),
    ]


def test_positional_only_will_do_and_defaults_need_no_type() -> None:
    def f(ctx, /, *, cache={}, options: Page = None): ...  # noqa: B006

    found = read_signature(declare(f))
    assert (found.kind, found.needs, found.options_default) == ("sync", (), True)


async def may_be_none(ctx) -> Device | None: ...
async def or_response(ctx) -> Phone | Response: ...
async def without(ctx): ...
async def anything(ctx) -> Any: ...
async def generator(ctx) -> AsyncGenerator[Device | None, Response]:
    yield None


async def bare_generator(ctx) -> AsyncGenerator:
    yield None


async def old_union(ctx) -> typing.Optional[Device]: ...  # noqa: UP045


PROVIDES = [
    (may_be_none, True),
    (or_response, False),
    (without, False),
    (anything, False),
    (generator, True),
    (old_union, True),
]


@pytest.mark.parametrize(("function", "optional"), PROVIDES, ids=[row[0].__name__ for row in PROVIDES])
def test_what_a_step_provides_is_read_from_its_result(function: Any, optional: bool) -> None:
    assert read_signature(declare(function, provides=Device)).provides_optional is optional


def test_a_result_that_is_not_what_it_provides() -> None:
    async def nothing(ctx) -> None: ...

    async def other(ctx) -> dict[str, int]: ...

    assert refuse(nothing, provides=Device) == "f provides Device but returns None"
    assert refuse(other, provides=Device) == "f provides Device but returns dict[str, int]"
    assert "f provides Device but returns" in refuse(bare_generator, provides=Device)


def test_annotations_that_cannot_be_read() -> None:
    def broken(ctx: "1 +"): ...  # noqa: F722

    def odd(ctx: typing.Nothing): ...

    assert refuse(broken).startswith("the annotations of f cannot be resolved")
    assert refuse(odd).startswith("the annotations of f cannot be resolved")


def test_error_steps_are_neither_generators_nor_providers() -> None:
    async def around(ctx, *, error: HTTPError):
        yield

    async def gives(ctx, *, error: Exception) -> Device: ...

    async def untyped(ctx, *, error=None): ...

    assert refuse(around) == "f: an error step cannot be a generator"
    assert refuse(gives, provides=Device) == "f: an error step provides nothing"
    assert refuse(untyped) == "f: 'error' must be typed HTTPError"


def test_types_as_authors_write_them() -> None:
    assert [print_type(kind) for kind in (int, type(None), list[int], Device | None)] == [
        "int", "None", "list[int]", "Device | None",
    ]  # fmt: skip
    assert split_union(int) == ((int,), False)
    assert split_union(Device | None) == ((Device,), True)


def test_urls() -> None:
    assert build_urls(["/a", ""], "./x", "index") == [("/a", "/a/x/:id"), ("", "/x/:id")]
    assert build_urls(["/a", "/b"], "/x/", "all") == [("/a", "/x")]
    assert build_urls([""], "/", "get") == [("", "/")]
    assert check_pattern("/a/:b/*", Source("", 0)) == ("b", "rest")
    assert comparable("/A/:b/*") == "/a/:/*"
    assert expand_keywords(["list", "get"]) == {"list": ("GET",), "get": ("GET",)}


class First(Params):
    a: Annotated[int, rule("A", min=1)]
    b: Any = None
    c: list[str] = factory(list[str])


class Second(Params):
    a: Annotated[int, rule(max=5)] = 3
    b: Annotated[str, rule("B")] = "x"
    c: list[str] = factory(list[str])


def test_merging_fills_in_what_is_open_and_changes_nothing() -> None:
    first, second = read_fields(First), read_fields(Second)
    merged = merge_field(first[0], second[0])
    assert (merged.rule.min, merged.rule.max, merged.rule.description) == (1, 5, "A")
    assert (merged.required, merged.default) == (True, MISSING)
    assert merge_field(second[0], first[0]).default is MISSING
    assert merge_field(first[1], second[1]).type.kind == "text"
    assert first[0].rule.max is None and first[0].default is MISSING
    assert merge_field(first[0], first[0]) is first[0]


JOBS = """
from core.declare.cron import All, cron
from core.cron.schedule import Schedule
from core.declare.function import command, init

@cron("demo-a", Schedule(every_s=5), misfire=All(3))
async def a(job): ...

@cron("demo-b", Schedule(every_s=5), environment=["local", "prod"])
async def b(job): ...

@cron("demo-c", Schedule(every_s=5), disabled=True)
def c(): ...
"""
INIT = """
from core.declare.function import init

@init(order=20)
async def late(app): ...

@init(order=10)
async def early(app):
    yield

@init(order=20)
async def later(app): ...
"""
COMMANDS = """
from core.declare.function import command

@command("secret create")
async def create(app, *, group: str, count: int = 1, note: str | None = None, force: bool = False):
    \"\"\"Makes secrets.

    Many.
    \"\"\"

@command("tidy")
async def tidy(app): ...
"""


def test_one_name_is_no_list_of_letters() -> None:
    job = cron("demo-a", Schedule(every_s=5), hosts="one", environment="test")(lambda job: asyncio.sleep(0))
    assert (job.policy.hosts, job.policy.environment) == (("one",), ("test",))
    assert Project("demo", requires="shared").requires == ("shared",)


def test_jobs_of_this_mode_are_linked(tmp_path: Path) -> None:
    linked = link_files(tmp_path, {"projects/demo/crons/x.py": JOBS})
    (job,) = linked.jobs
    assert (job.identity, job.policy.misfire.max_runs, job.schedule.every_s) == ("demo-a", 3, 5)  # type: ignore[union-attr]


def test_start_functions_run_by_order_then_place(tmp_path: Path) -> None:
    linked = link_files(tmp_path, {"projects/demo/init/x.py": INIT})
    assert [init.call.__name__ for init in linked.inits] == ["early", "late", "later"]
    assert [init.kind for init in linked.inits] == ["around", "async", "async"]


def test_commands_have_typed_options(tmp_path: Path) -> None:
    linked = link_files(tmp_path, {"projects/demo/commands/x.py": COMMANDS})
    create, tidy = linked.commands
    assert create.name == "secret create"
    assert dict(create.options) == {"group": (str, ...), "count": (int, 1), "note": (str, None), "force": (bool, False)}
    assert create.description == "Makes secrets.\n\nMany."
    assert (dict(tidy.options), tidy.description) == ({}, "")


CRONS = [
    ("Schedule(every_s=5), scope='town'", "scope must be one of 'cluster', 'server', not 'town'"),
    ("Schedule(every_s=5), misfire='twice'", "misfire must be one of 'once', 'skip' or All, not 'twice'"),
    ("Schedule(every_s=5), overlap='run'", "overlap must be one of 'skip', not 'run'"),
    ("Schedule(every_s=5), max_total=-1", "max_total must be at least 0, not -1"),
    ("Schedule(every_s=5), retry=-1", "retry must be at least 0, not -1"),
    ("'* * * * *'", "cron 'demo-a' needs a Schedule, not '* * * * *'"),
]


@pytest.mark.parametrize(("text", "expected"), CRONS, ids=[row[0] for row in CRONS])
def test_a_job_that_cannot_run(text: str, expected: str, tmp_path: Path) -> None:
    source = f"""
from core.declare.cron import cron
from core.cron.schedule import Schedule

@cron("demo-a", {text})
async def a(job): ...
"""
    (line,) = report_files(tmp_path, {"projects/demo/crons/x.py": source})
    assert expected in line and line.startswith("projects/demo/crons/x.py:4:")


def test_a_command_option_without_type(tmp_path: Path) -> None:
    source = """
from core.declare.function import command

@command("x")
async def x(app, *, name): ...
"""
    assert report_files(tmp_path, {"projects/demo/commands/x.py": source}) == [
        "projects/demo/commands/x.py:3: command 'x': option 'name' has no type (options are str, int, float or bool)"
    ]


SETTINGS = """
from typing import Annotated
from core.declare.project import Settings
from core.schema.rules import factory, rule

class DemoSettings(Settings, identity="demo-config"):
    title: str = "A demo"
    size: Annotated[int, rule("Size", min=1, name="pageSize")] = 5
    tags: list[str] = factory(list[str])
"""


def test_project_settings_are_defaults_and_overrides(tmp_path: Path) -> None:
    settings = ServerSettings(
        default_output=None, projects={"demo-config": {"title": Secret("Mine"), "pageSize": "7", "tags": ["a"]}}
    )
    linked = link_files(tmp_path, {"projects/demo/config/x.py": SETTINGS}, settings)
    ((cls, instance),) = linked.project_settings.items()
    assert (instance.title, instance.size, instance.tags) == ("Mine", 7, ["a"])
    with pytest.raises(AttributeError):
        instance.title = "x"
    assert isinstance(instance, cls) and issubclass(cls, Settings)


def test_project_settings_without_overrides(tmp_path: Path) -> None:
    linked = link_files(tmp_path, {"projects/demo/config/x.py": SETTINGS})
    (instance,) = linked.project_settings.values()
    assert (instance.title, instance.size, instance.tags) == ("A demo", 5, [])


def test_overrides_of_a_file_that_failed_are_not_reported(tmp_path: Path) -> None:
    settings = ServerSettings(default_output=None, projects={"demo-config": {"title": "Mine"}})
    found = report_files(tmp_path, {"projects/demo/config/x.py": SETTINGS + "1 / 0\n"}, settings)
    assert found == ["projects/demo/config/x.py:9: ZeroDivisionError: division by zero"]


DICT = "must be a dict with texts as keys, not"
TEXTS = [
    ("5", f"translations 'demo': texts {DICT} 5"),
    ("{5: {'en': 'x'}}", f"translations 'demo': texts {DICT} a value of type dict"),
    ("{'a': 'x'}", f"translations 'demo': texts.a {DICT} 'x'"),
    ("{'a': {5: 'x'}}", f"translations 'demo': texts.a {DICT} a value of type dict"),
    ("{'a': {'en': 5}}", "translations 'demo': texts.a.en must be a text or a dict with texts as keys, not 5"),
    ("{'a': {'en': {'gb': 5}}}", "translations 'demo': texts.a.en.gb must be a text, not 5"),
]


@pytest.mark.parametrize(("texts", "expected"), TEXTS, ids=[row[0] for row in TEXTS])
def test_translations_of_a_wrong_shape(texts: str, expected: str, tmp_path: Path) -> None:
    source = f'from core.declare.project import Translations\nt = Translations("demo", {texts})\n'
    (line,) = report_files(tmp_path, {"projects/demo/config/x.py": source})
    assert line.startswith(f"projects/demo/config/x.py:2: {expected} (")


def test_libs_models_and_translations_are_handed_on(tmp_path: Path) -> None:
    files = {
        "projects/demo/libs/x.py": 'from core.declare.project import Lib\nlib = Lib("demo-x", version="2.0")\nVALUE = 7\n',
        "projects/demo/models/x.py": """
            from core.schema.model import Model

            class Todo(Model, identity="demo-todo", collection="todos", database="main"):
                name: str = ""

            class Other(Model, identity="demo-other", collection="todos"):
                name: str = ""
        """,
        "projects/demo/config/x.py": """
            from core.declare.project import Translations

            t = Translations("demo", {"a": {"en": "A", "de": {"de": "B"}}})
        """,
    }
    settings = ServerSettings(default_output=None, databases={"main": Mongo()})
    linked = link_files(tmp_path, files, settings)
    assert [model.__name__ for model in linked.models] == ["Todo", "Other"]
    assert linked.translations["demo"]["a"]["en"] == "A"
