"""The settings of a mode: imported, resolved, checked; and told again for people.

In: the mode and the application's folder. Out: `ServerSettings` without a single `Env`, or every
`ConfigError` at once. First phase of all; after it: `loader.py`.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from core.errors import ConfigError
from core.load.convert import SECRET_NAME, Converter
from core.load.loader import import_file
from core.load.packages import bind_package, drop_package, put_first
from core.load.suggest import did_you_mean
from core.settings import Local, Mongo, Secret, ServerSettings

#: modes in which the local-MongoDB ladder may be climbed
LOCAL_MODES = ("local", "test")
#: never a mode: what the modes are made of
_NO_MODES = ("base", "translations")

_W_ONE = re.compile(r"[?&]w=(0|1)(&|$)", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):(?:.*)@")
_SECRET_OPTION = re.compile(r"([?&][^=&]*(?:password|token|secret|mechanismproperties)[^=&]*=)[^&]*", re.IGNORECASE)


def load_settings(mode: str, root: Path) -> ServerSettings:
    """The settings of `config/<mode>.py`, resolved and checked.

    Args:
        mode: name of the file.
        root: the application's folder; it comes first on `sys.path`.

    Raises:
        ExceptionGroup: of a `ConfigError` for everything that is wrong.
    """
    root = root.resolve()
    raw = _import_settings(mode, root)
    converter = Converter(root, mode)
    settings: ServerSettings = converter.convert_fields(raw, "", ServerSettings())
    _check_whole(settings, converter)
    if converter.errors:
        count = len(converter.errors)
        raise ExceptionGroup(f"{count} setting{'s' if count > 1 else ''} wrong", converter.errors)
    return dataclasses.replace(settings, origins=converter.origins)


def list_modes(root: Path) -> list[str]:
    """The modes of an application: files of `config/` that assign `settings`."""
    return sorted(
        path.stem
        for path in (root / "config").glob("*.py")
        if path.stem not in _NO_MODES and path.stem.isidentifier() and _assigns_settings(path)
    )


def describe_settings(settings: ServerSettings, mode: str) -> list[tuple[str, str, str]]:
    """Every setting as dotted name, value and origin, for `server.py <mode> check`.

    Secrets and the passwords of URLs are masked. The origin is `default`, `config/<mode>.py` or `env NAME`.
    """
    return [
        (name, _mask(name, value), settings.origins.get(name, f"config/{mode}.py"))
        for name, value in _flatten(settings, "")
    ]


def mask_url(text: str) -> str:
    """A text without the password and the secret options that a URL in it may hold."""
    return _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def _import_settings(mode: str, root: Path) -> ServerSettings:
    path = root / "config" / f"{mode}.py"
    known = list_modes(root)
    if mode not in known and (not mode.isidentifier() or not path.is_file()):
        hint = did_you_mean(mode, known)
        modes = ", ".join(known) or "none"
        message = f"there is no config/{mode}.py; modes are: {modes}"
        raise _alone("mode", f"{message} ({hint})" if hint else message)
    put_first(root)
    drop_package("config")
    bind_package("config", path.parent)
    module = import_file(f"config.{mode}", path, [path.parent])
    if not isinstance(module, ModuleType):
        hint = f" ({module.hint})" if module.hint else ""
        raise _alone(str(module.source.relative_to(root)), f"{module.message}{hint}")
    settings = getattr(module, "settings", None)
    if not isinstance(settings, ServerSettings):
        raise _alone(f"config/{mode}.py", "must assign settings = ServerSettings(…)")
    return settings


def _alone(name: str, message: str) -> ExceptionGroup[ConfigError]:
    return ExceptionGroup("1 setting wrong", [ConfigError(name, message)])


def _assigns_settings(path: Path) -> bool:
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError, OSError):
        return True  # importing it says what is wrong
    targets = [
        target
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return any(isinstance(target, ast.Name) and target.id == "settings" for target in targets)


def _check_whole(settings: ServerSettings, converter: Converter) -> None:
    """What no single value shows: references, repetitions, and what production refuses."""
    mode = converter.mode
    names = settings.databases
    if settings.default_database and settings.default_database not in names:
        hint = did_you_mean(settings.default_database, names) or f"databases has {sorted(names)}"
        converter.refuse("default_database", f"'{settings.default_database}' is no database ({hint})")
    for name, database in names.items():
        _check_database(f"databases.{name}.url", database, converter)
    _check_hosts(settings, converter)
    places = [(listener.host, listener.port) for listener in settings.listen if listener.port]
    if len(set(places)) < len(places):
        converter.refuse("listen", "two listeners share a port")
    if settings.public_url and not re.match(r"https?://[^/]", settings.public_url):
        converter.refuse("public_url", "must start with http:// or https://")
    if settings.debug and is_production(mode):
        converter.refuse("debug", f"must be off in mode {mode}: it shows the inside to clients")


def _check_database(name: str, database: Mongo, converter: Converter) -> None:
    url = database.url.reveal() if isinstance(database.url, Secret) else database.url
    if isinstance(url, Local):
        if converter.mode not in LOCAL_MODES:
            variable = converter.variables.get(name)
            give = f"set the environment variable {variable}" if variable else "give a mongodb:// URL"
            modes = " and ".join(LOCAL_MODES)
            converter.refuse(name, f"LOCAL is for the modes {modes}; {give}")
    elif not url.startswith(("mongodb://", "mongodb+srv://")):
        converter.refuse(name, "must start with mongodb:// or mongodb+srv://")
    elif is_production(converter.mode) and _W_ONE.search(url):
        converter.refuse(name, "w=0 and w=1 lose writes when a primary fails; use w=majority")


def _check_hosts(settings: ServerSettings, converter: Converter) -> None:
    seen: set[str] = set()
    for index, host in enumerate(settings.hosts):
        if not host.id or host.id in seen:
            converter.refuse(f"hosts.{index}.id", "must be unique and not empty")
        if not host.names:
            converter.refuse(f"hosts.{index}.names", "needs at least one name")
        seen.add(host.id)


def is_production(mode: str) -> bool:
    """Whether a mode is held to the rules of production: its name starts with `prod`."""
    return mode.lower().startswith("prod")


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner: Mapping[Any, Any] = {}
    if dataclasses.is_dataclass(value):
        names = [item.name for item in dataclasses.fields(value) if item.name != "origins"]
        inner = {part: getattr(value, part) for part in names}
    elif isinstance(value, Mapping):
        inner = value
    elif isinstance(value, list | tuple) and any(map(dataclasses.is_dataclass, value)):
        inner = dict(enumerate(value))
    if not inner:
        yield name, value
    for key, part in inner.items():
        yield from _flatten(part, f"{name}.{key}" if name else str(key))


def _mask(name: str, value: Any) -> str:
    if isinstance(value, Secret) or (value and isinstance(value, str) and _hides(name)):
        return "***"
    if isinstance(value, str):
        return mask_url(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_mask(name, part) for part in value) + "]"
    return "{}" if isinstance(value, Mapping) else str(value)


def _hides(name: str) -> bool:
    last = name.rpartition(".")[2]
    return SECRET_NAME.search(last) is not None and "url" not in last.lower()
