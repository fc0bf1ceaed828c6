"""Routes files become linked routes: urls, methods, order of steps, defaults, environments."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType

import pytest

from core.declare.route import Body, Cors
from core.settings import Host, Limits, RateLimit, ServerSettings, Timeouts
from tests.applications import PLAIN, link_files, report_files
from tests.chains import HEAD, STEPS, labels, link_one, link_routes, named

pytestmark = pytest.mark.usefixtures("own_imports")


def test_every_keyword_mounts_its_method_under_every_prefix(tmp_path: Path) -> None:
    linked = link_routes(
        tmp_path,
        """
def R(name): return Route(name, chain=[use("demo-c", function="all")])
api = Routes(group="demo", name="Demo", version="2.0", prefix=["/v1/", "/latest"], paths=[
    Path("./todo", list=R("a"), index=R("b"), create=R("c"), update=R("d"), delete=R("e"), patch=R("f")),
    Path("/abs/", get=R("g"), post=R("h"), put=R("i"), del_=R("j")),
    Path("./files/*", get=R("k")),
])
root = Routes(group="root", paths=[Path("./", get=R("l")), Path("/other", get=R("m")), Path(".", post=R("n"))])
""",
    )
    relative = [
        "GET {}/todo", "GET {}/todo/:id", "POST {}/todo", "PUT {}/todo/:id", "DELETE {}/todo/:id", "PATCH {}/todo",
        "GET {}/files/*",
    ]  # fmt: skip
    assert sorted(labels(linked)) == sorted(
        [text.format(prefix) for text in relative for prefix in ("/v1", "/latest")]
        + ["GET /abs", "POST /abs", "PUT /abs", "DELETE /abs", "GET /", "GET /other", "POST /"]
    )
    first = linked.routes[0]
    assert (first.prefix, first.group, first.version, first.name) == ("/v1", "demo", "2.0", "Demo")
    (absolute,) = [route for route in linked.routes if route.label == "GET /abs"]
    assert (absolute.prefix, absolute.keyword) == ("/v1", "get")


def test_all_mounts_the_methods_that_are_not_named(tmp_path: Path) -> None:
    linked = link_routes(
        tmp_path,
        """
def R(name): return Route(name, chain=[use("demo-c", function="all")])
api = Routes(group="demo", paths=[Path("/x", all=R("rest"), create=R("c"), index=R("i"))])
""",
    )
    assert sorted(labels(linked)) == ["DELETE /x", "GET /x", "GET /x/:id", "PATCH /x", "POST /x", "PUT /x"]
    assert {route.identity for route in linked.routes if route.keyword == "all"} == {"rest"}


def test_a_function_is_found_by_name_keyword_or_all(tmp_path: Path) -> None:
    linked = link_routes(
        tmp_path,
        """
from projects.demo.controllers.c import phone
api = Routes(group="demo", paths=[
    Path("/a", list=Route("a", chain=[use("demo-c")]), put=Route("b", chain=[use("demo-c")])),
    Path("/b", list=Route("c", chain=[use("demo-c", function="phone")]), put=Route("d", chain=[phone])),
])
""",
    )
    assert [route.steps[0].action.label for route in linked.routes] == [
        "demo-c@1.0.list", "demo-c@1.0.all", "demo-c@1.0.phone", "demo-c@1.0.phone",
    ]  # fmt: skip
    assert [step.kind for route in linked.routes for step in route.steps] == ["async", "sync", "async", "async"]


def test_steps_run_before_chain_after_and_default_output(tmp_path: Path) -> None:
    settings = dataclasses.replace(PLAIN, default_output=("demo-out", "1.0"), default_errors=("demo-failing", "1.0"))
    file = f"before=[{named('phone')}], after=[{named('all')}], errors=[use('demo-failing')],"
    route = link_one(tmp_path, named("around"), "errors=[use('demo-failing')]", file, settings)
    assert [step.action.name for step in route.steps] == ["phone", "around", "all", "all"]
    assert route.steps[-1].action.controller.identity == "demo-out"
    assert route.output_at == 2
    assert [step.action.name for step in route.error_steps] == ["all", "all", "all"]
    assert route.steps[1].kind == "around"


def test_the_default_output_is_not_linked_twice(tmp_path: Path) -> None:
    settings = dataclasses.replace(PLAIN, default_output=("demo-out", "1.0"))
    route = link_one(tmp_path, named("all"), "", "after=[use('demo-out')],", settings)
    assert [step.action.label for step in route.steps] == ["demo-c@1.0.all", "demo-out@1.0.all"]


def test_the_nearest_earlier_provider_wins_and_sections_come_first(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("phone", "create", "device", "wants", "might"))
    phone, create, device, wants, might = route.steps
    assert dict(create.arguments) == {"header": 0, "body": 1}
    assert [section.section for section in create.sections] == ["header", "body"]
    assert (phone.provides_slot, device.provides_slot) == (2, 3)
    assert dict(wants.arguments) == {"device": 3}
    assert dict(might.arguments) == {"phone": 2}
    assert route.reads == {"header", "body"}


def test_a_subclass_meets_a_need_and_optional_needs_may_stay_empty(tmp_path: Path) -> None:
    assert dict(link_one(tmp_path, named("phone", "wants")).steps[1].arguments) == {"device": 0}
    route = link_one(tmp_path / "b", named("device", "might", "might"))
    assert dict(route.steps[1].arguments) == dict(route.steps[2].arguments) == {"phone": 1}


def test_a_need_looks_past_a_step_that_provides_only_sometimes(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("device", "maybe", "wants"))
    assert dict(route.steps[2].arguments) == {"device": 0}


def test_error_steps_take_the_first_provider_or_an_empty_slot(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("device", "all"), "errors=[use('demo-failing')]")
    assert dict(route.error_steps[0].arguments) == {"phone": 1, "device": 0}


def test_responses_are_merged_with_those_of_core(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("list", "create"), "rate_limit=RateLimit(5, 1)")
    assert route.responses[409] == ("A", "B", "C")
    assert len(route.responses[400]) == 9 and route.responses[400][0] == "UnexpectedDefaultValue"
    assert route.responses[429] == ("RateLimitExceeded",)
    assert route.responses[500] == ("InternalServerError",)
    assert list(route.responses) == sorted(route.responses)
    bare = link_one(tmp_path / "b", named("all"))
    assert dict(bare.responses) == {500: ("InternalServerError",)}


def test_values_come_from_route_then_file_then_server(tmp_path: Path) -> None:
    settings = ServerSettings(default_output=None, timeouts=Timeouts(request_s=9), limits=Limits(body_bytes=77))
    plain = link_one(tmp_path / "a", named("all"), settings=settings)
    assert (plain.timeout_s, plain.body, plain.cors, plain.deprecated) == (9, Body("json", 77), None, False)
    assert (plain.parameter_overflow, plain.rate_limits, plain.docs, plain.modified) == ("ignore", (), True, "")
    file = (
        "timeout_s=5, body=Body('text', 5), cors=Cors(max_age_s=1), deprecated=True, parameter_overflow='log',"
        "rate_limit=RateLimit(1, 1),"
    )
    filed = link_one(tmp_path / "b", named("all"), "", file, settings)
    assert (filed.timeout_s, filed.body, filed.cors) == (5, Body("text", 5), Cors(max_age_s=1))
    assert (filed.deprecated, filed.parameter_overflow) == (True, "log")
    assert [limit.limit for limit in filed.rate_limits] == [RateLimit(1, 1)]
    assert filed.reads == {"query"}
    own = (
        "timeout_s=3, body=Body('raw', 3), cors=Cors(max_age_s=2), deprecated=False, parameter_overflow='block',"
        "rate_limit=RateLimit(2, 1), docs=False, description='D', modified='2026-11-20T10:00:00+02:00',"
        "response_schemes={200: {}}, authorization=True"
    )
    route = link_one(tmp_path / "c", named("all"), own, file, settings)
    assert (route.timeout_s, route.body, route.cors) == (3, Body("raw", 3), Cors(max_age_s=2))
    assert (route.deprecated, route.parameter_overflow) == (False, "block")
    assert [(limit.name, limit.limit) for limit in route.rate_limits] == [
        ("file", RateLimit(1, 1)),
        ("route", RateLimit(2, 1)),
    ]
    assert (route.docs, route.description, route.modified) == (False, "D", "2026-11-20T08:00:00.000Z")
    assert (route.authorization, dict(route.response_schemes)) == (True, {200: {}})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("datetime(2014, 1, 2)", "2014-01-02T00:00:00.000Z"),
        ("datetime(2014, 1, 2, tzinfo=UTC)", "2014-01-02T00:00:00.000Z"),
        ("'2014-01-02'", "2014-01-02T00:00:00.000Z"),
        ("None", ""),
    ],
)
def test_modified_is_an_iso_date_in_utc(written: str, expected: str, tmp_path: Path) -> None:
    text = f"""
from datetime import UTC, datetime
api = Routes(group="demo", paths=[Path("/x", get=Route("x", chain=[], modified={written}))])
"""
    assert link_routes(tmp_path, text).routes[0].modified == expected


def test_protection_is_said_by_the_route_or_by_its_steps(tmp_path: Path) -> None:
    assert not link_one(tmp_path / "a", named("all")).authorization
    assert link_one(tmp_path / "b", named("phone")).authorization
    assert not link_one(tmp_path / "c", named("phone"), "authorization=False").authorization


BODIES = [
    ("create", "", "json", "object", False),
    ("many", "", "json", "list", False),
    ("free", "", "json", "free", True),
    ("raw", "", "raw", "raw", True),
    ("text", "", "text", "text", True),
    ("stream", "", "stream", "stream", True),
    ("stream", "body=Body('raw')", "stream", "stream", True),
    ("create", "body=Body('urlencoded')", "urlencoded", "object", False),
    ("create", "body=Body('multipart')", "multipart", "object", False),
]


@pytest.mark.parametrize(("function", "more", "parser", "shape", "is_open"), BODIES)
def test_the_body_is_read_as_the_steps_ask(
    function: str, more: str, parser: str, shape: str, is_open: bool, tmp_path: Path
) -> None:
    route = link_one(tmp_path, named(function), more)
    section = next(section for section in route.sections if section.section == "body")
    assert (route.body.type, section.shape, bool(route.open_sections)) == (parser, shape, is_open)
    assert route.open_sections == (frozenset({"body"}) if is_open else frozenset())


def test_raw_bodies_are_handed_over_unchecked(tmp_path: Path) -> None:
    (section,) = link_one(tmp_path, named("raw")).sections
    assert section.check(b"\x00", []) == b"\x00"


def test_form_values_are_read_as_text(tmp_path: Path) -> None:
    errors: list[object] = []
    for body, raw in (("json", {"name": "milk"}), ("urlencoded", {"name": "milk"})):
        route = link_one(tmp_path / body, named("create"), f"body=Body('{body}')")
        section = route.sections[-1]
        assert section.check(raw, errors).name == "milk"
    assert errors == []


def test_header_fields_have_wire_names(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("create"))
    assert list(route.parameters["header"]) == ["access-key", "x-trace"]
    assert list(route.parameters["body"]) == ["name"]


def test_other_modes_do_not_exist(tmp_path: Path) -> None:
    text = """
api = Routes(group="demo", environment="test", paths=[
    Path("/a", list=Route("a", chain=[], environment=["local", "test"]), create=Route("b", chain=[], environment="local")),
    Path("/b", all=Route("c", chain=[], environment="local"), get=Route("d", chain=[])),
])
gone = Routes(group="demo", environment=["local"], paths=[Path("/a", list=Route("a", chain=[]))])
"""
    assert labels(link_routes(tmp_path, text)) == ["GET /a", "GET /b"]


def test_one_path_may_live_on_two_hosts(tmp_path: Path) -> None:
    settings = dataclasses.replace(PLAIN, hosts=(Host("api", ["a.example"]), Host("www", ["w.example"])))
    text = """
one = Routes(group="demo", host_id="api", paths=[Path("/a", list=Route("a", chain=[]))])
two = Routes(group="demo", host_id=["www"], paths=[Path("/a", list=Route("a", chain=[]))])
"""
    linked = link_routes(tmp_path, text, settings)
    assert [route.host_ids for route in linked.routes] == [("api",), ("www",)]


def test_public_folders_are_served_under_every_prefix_once(tmp_path: Path) -> None:
    text = """
one = Routes(group="demo", prefix=["/a", "/b"])
two = Routes(group="demo", prefix="/a")
gone = Routes(group="demo", prefix="/c", environment="local")
"""
    (tmp_path / "projects/demo/public").mkdir(parents=True)
    linked = link_routes(tmp_path, text)
    assert [(folder.prefix, folder.host_ids) for folder in linked.public_folders] == [("/a", ()), ("/b", ())]
    assert linked.public_folders[0].folder == str(tmp_path / "projects/demo/public")


def test_what_is_linked_cannot_be_changed(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("create"))
    for value in (route.parameters, route.parameters["body"], route.responses, route.response_schemes):
        assert isinstance(value, MappingProxyType)
    with pytest.raises(dataclasses.FrozenInstanceError):
        route.identity = "y"  # type: ignore[misc]


def test_linking_twice_gives_the_same_and_changes_no_declaration(tmp_path: Path) -> None:
    chain = named("list", "create")
    first = link_one(tmp_path, chain)
    second = link_one(tmp_path, chain)
    assert first.parameters == second.parameters
    assert [step.action.label for step in first.steps] == [step.action.label for step in second.steps]


def test_steps_may_share_a_parameter_that_they_declare_alike(tmp_path: Path) -> None:
    route = link_one(tmp_path, named("list", "list", "create", "free"))
    assert list(route.parameters["query"]) == ["limit"]
    assert [section.slot for section in route.sections] == [0, 1, 2, 3, 4]
    assert route.open_sections == {"body"}


def test_options_with_a_default_may_be_left_out(tmp_path: Path) -> None:
    left_out, given = link_one(
        tmp_path, 'use("demo-c", function="optional"), use("demo-c", "1.0", "optional", {"limit": 3})'
    ).steps
    assert dict(left_out.options) == {}
    assert given.options["options"].limit == 3


EXACT = [
    ("chain=[5]", "chain.0 must be Action[..., Any] or Use, not 5"),
    ("chain=[], errors=[5]", "errors.0 must be Action[..., Any] or Use, not 5"),
    ("chain=[], body=Body('json', 0)", "body.limit_bytes must be at least 1, not 0"),
    ("chain=[], rate_limit=RateLimit(1, 0)", "rate_limit.per_s must be over 0, not 0"),
    ("chain=[use('demo-c', options={'limit': 3})]", "demo-c@1.0.all takes no options"),
    ("chain=[use('demo-c', '1.0', 'optional', {'limit': 'x'})]", "limit is unexpected type"),
    ("chain=[use('demo-c', function='create'), use('demo-c', function='raw')]", "the route reads 'json'"),
]


@pytest.mark.parametrize(("text", "expected"), EXACT, ids=[row[0] for row in EXACT])
def test_what_is_refused_in_a_route(text: str, expected: str, tmp_path: Path) -> None:
    files = {
        "projects/demo/controllers/c.py": STEPS,
        "projects/demo/routes/api.py": f'{HEAD}\napi = Routes(group="demo", paths=[Path("/x", get=Route("x", {text}))])\n',
    }
    (line,) = report_files(tmp_path, files)
    assert expected in line and line.startswith("projects/demo/routes/api.py:")


def test_a_controller_outside_its_folder_is_reported_once(tmp_path: Path) -> None:
    files = {
        "projects/demo/libs/c.py": STEPS,
        "projects/demo/routes/api.py": f"""
from projects.demo.libs.c import list_all
{HEAD}
api = Routes(group="demo", paths=[Path("/x", get=Route("x", chain=[list_all]))])
""",
    }
    found = report_files(tmp_path, files)
    assert len(found) == 3 and all("belongs in controllers/" in line for line in found)


def test_an_action_of_an_unknown_controller_is_reported(tmp_path: Path) -> None:
    files = {
        "projects/demo/helpers/c.py": STEPS,
        "projects/demo/routes/api.py": f"""
from projects.demo.helpers.c import list_all
{HEAD}
api = Routes(group="demo", paths=[Path("/x", get=Route("x", chain=[list_all]))])
""",
    }
    assert report_files(tmp_path, files) == ["projects/demo/routes/api.py:9: unknown controller 'demo-c'"]


def test_a_shared_project_may_be_imported_from(tmp_path: Path) -> None:
    files = {
        "generic/controllers/c.py": STEPS,
        "projects/demo/routes/api.py": f"""
from generic.controllers.c import list_all
{HEAD}
api = Routes(group="demo", paths=[Path("/x", get=Route("x", chain=[list_all]))])
""",
    }
    linked = link_files(tmp_path, files, shared=("generic",))
    assert linked.routes[0].steps[0].action.label == "demo-c@1.0.list"


def test_a_shared_project_may_not_import_projects(tmp_path: Path) -> None:
    files = {"generic/libs/x.py": "from projects.demo.models.x import X\n"}
    assert report_files(tmp_path, files, shared=("generic",)) == [
        (
            "generic/libs/x.py:1: project 'generic' imports from 'demo', which it does not require"
            ' (Project("generic", requires=["demo"]) opens its models and params; in chains write use(identity, version))'
        )
    ]
