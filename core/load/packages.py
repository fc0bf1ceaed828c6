"""Which folder a top-level name such as `projects` stands for while an application is loaded.

In: a name and the folder it must mean. Out: an entry of `sys.modules`. Projects are imported plainly, so two
applications in one process (tests, mostly) would share `projects.demo`; here each root keeps its own modules.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

#: modules of the folders a name stood for before: (name, folder) → module name → module
_resting: dict[tuple[str, str], dict[str, ModuleType]] = {}


def put_first(root: Path) -> None:
    """Make `root` the first place of imports."""
    text = str(root)
    for name in ("projects", "config", "generic"):
        bound = sys.modules.get(name)
        if bound is not None:  # a namespace package would follow sys.path to another folder
            bound.__path__ = list(bound.__path__)
    if sys.path[:1] != [text]:
        sys.path[:] = [text, *(place for place in sys.path if place != text)]


def bind_package(name: str, folder: Path) -> None:
    """Let `name` be the namespace package of this folder and no other.

    Modules that were imported while it meant another folder rest until it means that folder again, so that
    an application loaded twice keeps its classes.
    """
    text = str(folder)
    bound = sys.modules.get(name)
    if bound is not None:
        places = [str(place) for place in getattr(bound, "__path__", ())]
        if places[:1] == [text]:
            bound.__path__ = [text]
            return
        _resting[name, places[0] if places else ""] = _take_out(name)
    sys.modules.update(_resting.pop((name, text), {name: _make_package(name, text)}))


def drop_package(name: str) -> None:
    """Forget a package and all its modules: the next import reads the files again."""
    _take_out(name)


def _take_out(name: str) -> dict[str, ModuleType]:
    names = [known for known in sys.modules if known == name or known.startswith(f"{name}.")]
    return {known: sys.modules.pop(known) for known in names}


def _make_package(name: str, folder: str) -> ModuleType:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [folder]
    return module_from_spec(spec)
