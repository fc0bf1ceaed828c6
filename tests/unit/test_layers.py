"""Imports point down: the level table and the rules outside `core`, over the parsed imports.

The rules are functions of a root folder, so the second half of this file can try them on small trees.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.tree import ROOT, Import, exported_names, imports_of, parse, python_files

# An exact name goes before a pattern. A module that no line names is an error: decide where it belongs and add it.
LEVELS = {
    0: "source errors",
    1: "log settings metrics schema/rules schema/upload cron/schedule data/deadline http/breaker",
    2: (
        "schema/* declare/* serve/gate serve/values serve/request serve/multipart serve/encoding serve/response"
        " data/cache data/lru data/memcached"
    ),
    3: (
        "load/registry data/* http/* serve/body link/linked serve/hosts serve/cors serve/i18n"
        " serve/client serve/tls serve/exchange serve/background serve/refusals"
    ),
    4: (
        "load/* serve/delivery serve/wire serve/limits serve/matcher serve/static serve/context serve/deadline"
        " serve/output cron/plan cron/lease"
    ),
    5: "link/* docs/* cron/job cron/config cron/store serve/overload serve/program",
    6: ("serve/chain docs/openapi docs/ui cron/worker cron/manager observe/*"),
    7: "serve/app serve/startup serve/pages serve/create serve/guard serve/protocol serve/supervisor serve/server",
    8: "commands/* testing cli",
}
# What authors import. It stands above everything, and nothing in core may use it.
TOP = "__init__"

# The one folder whose modules may import the database driver; everything else sees `StoreError`.
DRIVER, DRIVER_FOLDER = "pymongo", "data"

OURS = {"core", "generic", "projects", "config", "tests", "server"}
# Folders of a project that another one may import after `Project(requires=[…])`.
SHARED_FOLDERS = {"models", "params"}


def level_of(module: str) -> int | None:
    """The level of `serve/app`, or None when the table does not know it."""
    matches = [
        (pattern != module, level)
        for level, patterns in LEVELS.items()
        for pattern in patterns.split()
        if fnmatchcase(module, pattern)
    ]
    return min(matches)[1] if matches else None


def _core_modules(root: Path) -> dict[str, Path]:
    """`serve/app` → its file; folders' `__init__.py` are left out."""
    core = root / "core"
    names = {path.relative_to(core).with_suffix("").as_posix(): path for path in python_files(root, "core")}
    return {name: path for name, path in names.items() if name == TOP or not name.endswith("__init__")}


def find_unplaced(root: Path) -> list[str]:
    """Modules of core that the table does not name."""
    return [f"core/{name}.py" for name in _core_modules(root) if name != TOP and level_of(name) is None]


def find_upward_imports(root: Path) -> list[str]:
    """Imports within core that break the table."""
    problems: list[str] = []
    for name, path in _core_modules(root).items():
        for item in imports_of(root, path):
            reason = _judge_core_import(root, name, item)
            if reason:
                problems.append(f"core/{name}.py:{item.line}: {reason}")
    return problems


def _judge_core_import(root: Path, name: str, item: Import) -> str | None:
    first, _, rest = item.target.partition(".")
    if first == DRIVER and not name.startswith(f"{DRIVER_FOLDER}/"):
        return f"only core/{DRIVER_FOLDER} imports {DRIVER}"
    if first not in OURS:
        return None
    if first != "core":
        return f"core does not import {first}"
    if not rest:
        return None if name == TOP else "core/__init__ is for authors"
    target = rest.replace(".", "/")
    if (root / "core" / target).is_dir():
        return f"core/{target} is a folder without names; import a module of it"
    return None if name == TOP or _may_import(name, target) else _explain(name, target)


def _may_import(name: str, target: str) -> bool:
    own, other = level_of(name), level_of(target)
    if own is None or other is None:
        return True  # find_unplaced reports it
    folder = name.rpartition("/")[0]
    if folder and target.rpartition("/")[0] == folder:
        return True  # its own folder, whatever the level; find_cycles watches it
    # A module that stands in core/ itself has all of core as its folder, so for it the same level will do
    # (`cli` starts `serve/server`).
    return other < own or (not folder and other == own)


def _explain(name: str, target: str) -> str:
    return f"level {level_of(name)} ({name}) imports level {level_of(target)} ({target})"


def find_cycles(root: Path) -> list[str]:
    """Cycles of imports within core, each once, as `a → b → a`."""
    modules = _core_modules(root)
    edges = {
        name: sorted({item.target[5:].replace(".", "/") for item in imports_of(root, path)} & set(modules))
        for name, path in modules.items()
    }
    done: set[str] = set()
    cycles: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            cycles.append(" → ".join([*trail[trail.index(name) :], name]))
        elif name not in done:
            for target in edges[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in sorted(modules):
        visit(name, ())
    return cycles


def find_busy_folders(root: Path) -> list[str]:
    """`core/<folder>/__init__.py` files that hold more than a docstring."""
    return [
        path.relative_to(root).as_posix()
        for path in python_files(root, "core")
        if path.name == "__init__.py" and path.parent.name != "core" and len(parse(path).body) > 1
    ]


def find_outside_imports(root: Path) -> list[str]:
    """Imports outside core that its rules do not admit."""
    problems: list[str] = []
    names = exported_names(root)
    for path in python_files(root, "generic", "projects", "config", "server.py"):
        place = path.relative_to(root)
        for item in imports_of(root, path):
            reason = _judge_outside_import(root, place, item, names)
            if reason:
                problems.append(f"{place.as_posix()}:{item.line}: {reason}")
    return problems


def _judge_outside_import(root: Path, place: Path, item: Import, names: list[str] | None) -> str | None:
    first, *rest = item.target.split(".")
    if first not in OURS:
        return None
    if place.name == "server.py" and len(place.parts) == 1:
        return None if item.target == "core.cli" else "server.py imports core.cli and nothing else of ours"
    if first == "core":
        return _judge_author_import(place, item, names)
    home = place.parts[0]
    if first == home and home != "projects":
        return None
    if home == "projects" and first == "generic":
        return None
    if home == "projects" and first == "projects":
        return _judge_project_import(root, place.parts[1], rest)
    return f"{home} does not import {first}"


def _judge_author_import(place: Path, item: Import, names: list[str] | None) -> str | None:
    in_tests = "tests" in place.parts[:-1] or place.name.startswith("test_") or place.name == "conftest.py"
    if item.target == "core.testing" and in_tests:
        return None
    if item.target != "core" or item.name is None:
        return "write `from core import …`; its modules are not for use outside"
    if names is not None and item.name not in names:
        return f"core does not export {item.name}"
    return None


def _judge_project_import(root: Path, project: str, target: list[str]) -> str | None:
    if not target:
        return "import a module of a project, not `projects`"
    if target[0] == project:
        return None
    if target[0] not in required_projects(root, project):
        return f"project {project} does not declare requires=[{target[0]!r}]"
    if len(target) < 2 or target[1] not in SHARED_FOLDERS:
        return f"only models/ and params/ of project {target[0]} may be imported"
    return None


def required_projects(root: Path, project: str) -> set[str]:
    """The names in `Project(…, requires=[…])` of a project's `project.py`."""
    path = root / "projects" / project / "project.py"
    if not path.is_file():
        return set()
    calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    return {
        name
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Project"
        for keyword in call.keywords
        if keyword.arg == "requires"
        for name in ast.literal_eval(keyword.value)
    }


# The repository


def test_every_module_of_core_has_a_level() -> None:
    assert find_unplaced(ROOT) == []


def test_imports_within_core_point_down() -> None:
    assert find_upward_imports(ROOT) == []


def test_core_has_no_import_cycles() -> None:
    assert find_cycles(ROOT) == []


def test_folders_of_core_hold_no_code_of_their_own() -> None:
    assert find_busy_folders(ROOT) == []
    folders = {path.parent for path in python_files(ROOT, "core")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_rest_imports_only_what_it_may() -> None:
    assert find_outside_imports(ROOT) == []


def test_config_and_projects_are_no_packages() -> None:
    assert not (ROOT / "config" / "__init__.py").exists()
    assert not (ROOT / "projects" / "__init__.py").exists()


# The rules themselves, on small trees


def _plant(root: Path, **files: str) -> Path:
    """Writes files; `core__serve__app` is `core/serve/app.py`."""
    (root / "core").mkdir()
    (root / "core" / "__init__.py").write_text('from core.errors import Gone\n__all__ = ["Gone"]\n')
    for name, text in {"core__errors": "", **files}.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        for folder in reversed(path.relative_to(root).parents[:-1]):
            (root / folder).mkdir(exist_ok=True)
            if folder.parts[0] == "core" and len(folder.parts) > 1:
                (root / folder / "__init__.py").write_text('"""Docstring."""\n')
        path.write_text(text)
    return root


CORE_CASES = [
    ("core__serve__app", "from core.serve.chain import run", None),
    ("core__serve__gate", "from core.serve import app", None),
    ("core__cli", "from core.serve.app import App", None),
    ("core__serve__chain", "from core.errors import Gone", None),
    ("core__data__collection", "import pymongo", None),
    ("core__link__extra", "from core.link.linked import LinkedRoute", None),
    ("core__serve__chain", "from core import Gone", "core/__init__ is for authors"),
    ("core__serve__chain", "import core", "core/__init__ is for authors"),
    ("core__serve__chain", "from core import cli", "level 6 (serve/chain) imports level 8 (cli)"),
    ("core__serve__chain", "from .. import errors", None),
    ("core__serve__chain", "from ..cli import main", "level 6 (serve/chain) imports level 8 (cli)"),
    ("core__link__linked", "import core.load.registry", "level 3 (link/linked) imports level 3 (load/registry)"),
    ("core__log", "def f():\n    from core.cli import main", "level 1 (log) imports level 8 (cli)"),
    ("core__log", "if TYPE_CHECKING:\n    from core.cli import main", "level 1 (log) imports level 8 (cli)"),
    ("core__log", "from core.serve import nothing", "core/serve is a folder without names; import a module of it"),
    ("core__cron__store", "from pymongo.errors import PyMongoError", "only core/data imports pymongo"),
    ("core__log", "import generic.models", "core does not import generic"),
    ("core__log", "from tests.tools import x", "core does not import tests"),
]


@pytest.mark.parametrize(("module", "code", "reason"), CORE_CASES, ids=[f"{m}: {c}" for m, c, _ in CORE_CASES])
def test_rule_within_core(module: str, code: str, reason: str | None, tmp_path: Path) -> None:
    names = ["cli", "serve__app", "serve__chain", "serve__gate", "load__registry", "link__linked"]
    root = _plant(tmp_path, **({f"core__{name}": "" for name in names} | {module: code}))
    assert [problem.partition(": ")[2] for problem in find_upward_imports(root)] == ([reason] if reason else [])


OUTSIDE_CASES = [
    ("generic__models__user", "from core import Gone", None),
    ("generic__models__user", "from core import Nothing", "core does not export Nothing"),
    ("generic__models__user", "from core.errors import Gone", "write `from core import …`"),
    ("generic__models__user", "import core", "write `from core import …`"),
    ("generic__models__user", "from core.testing import make_app", "write `from core import …`"),
    ("generic__tests__test_user", "from core.testing import make_app", None),
    ("generic__models__user", "from generic.libs.mail import send", None),
    ("generic__models__user", "from projects.demo.models.todo import Todo", "generic does not import projects"),
    ("projects__demo__routes__api", "from generic.controllers.user import login", None),
    ("projects__demo__routes__api", "from projects.demo.controllers.todo import create", None),
    ("projects__demo__routes__api", "from ..controllers.todo import create", None),
    ("projects__demo__routes__api", "from projects.shared.models.tag import Tag", None),
    ("projects__demo__routes__api", "from ...shared.params.tag import Tag", None),
    ("projects__demo__routes__api", "from projects.shared.controllers.tag import tag", "only models/ and params/"),
    ("projects__demo__routes__api", "from projects.other.models.tag import Tag", "project demo does not declare"),
    ("projects__demo__routes__api", "from config.base import settings", "projects does not import config"),
    ("config__local", "from config.base import settings", None),
    ("config__local", "from core import Gone", None),
    ("config__local", "from generic.models.user import User", "config does not import generic"),
    ("server", "import sys\nfrom core.cli import main", None),
    ("server", "from core import cli", None),
    ("server", "from core.settings import env", "server.py imports core.cli and nothing else of ours"),
]


@pytest.mark.parametrize(("module", "code", "reason"), OUTSIDE_CASES, ids=[f"{m}: {c}" for m, c, _ in OUTSIDE_CASES])
def test_rule_outside_core(module: str, code: str, reason: str | None, tmp_path: Path) -> None:
    project = 'from core import Gone\nproject = Project("demo", requires=["shared"])\n'
    root = _plant(tmp_path, **{"core__cli": "", "projects__demo__project": project, module: code})
    problems = find_outside_imports(root)
    assert len(problems) == (1 if reason else 0), problems
    assert not reason or reason in problems[0]


def test_a_name_that_core_exports_may_be_that_of_a_folder_too(tmp_path: Path) -> None:
    root = _plant(tmp_path, core__Gone__job="", generic__models__user="from core import Gone")
    assert find_outside_imports(root) == []


def test_rule_against_cycles(tmp_path: Path) -> None:
    root = _plant(
        tmp_path,
        core__serve__app="from core.serve import chain",
        core__serve__chain="def f():\n    from core.serve.gate import g",
        core__serve__gate="from core.serve.app import App",
    )
    assert find_cycles(root) == ["serve/app → serve/chain → serve/gate → serve/app"]


def test_rule_for_new_modules_and_folders(tmp_path: Path) -> None:
    root = _plant(tmp_path, core__serve__novel="", core__data__novel="")
    (root / "core" / "data" / "__init__.py").write_text('"""Doc."""\nx = 1\n')
    assert find_unplaced(root) == ["core/serve/novel.py"]
    assert find_busy_folders(root) == ["core/data/__init__.py"]
