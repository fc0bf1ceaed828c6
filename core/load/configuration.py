"""The settings of a mode: imported, resolved, checked; and told again for people.

In: the mode and the application's folder. Out: `ServerSettings` without a single `Env`, or every
`ConfigError` at once. First phase of all; after it: `loader.py`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import ConfigError, LoadError
from core.load.convert import SECRET_NAME, Converter
from core.load.imports import bind_package, drop_package, put_first
from core.load.loader import import_file
from core.load.problems import did_you_mean, format_problem
from core.settings import Local, Secret, ServerSettings, check_edge, is_production
from core.source import Source

#: modes in which the local-MongoDB ladder may be climbed
LOCAL_MODES = ("local", "test")
#: never a mode: what the modes are made of
_NO_MODES = ("base", "translations")

_W_ONE = re.compile(r"[?&]w=(0|1)(&|$)", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):(?:.*)@")
_SECRET_OPTION = re.compile(r"([?&][^=&]*(?:password|token|secret|mechanismproperties)[^=&]*=)[^&]*", re.IGNORECASE)


def load_settings(mode: str, root: Path) -> ServerSettings:
    """The settings of `config/<mode>.py`, resolved and checked.

    Raises:
        ExceptionGroup: of a `ConfigError` for everything that is wrong.
    """
    root = root.resolve()
    wrong: dict[str, ConfigError] = {}
    try:
        raw = _import_settings(mode, root)
    except ConfigError as error:
        raise ExceptionGroup("1 setting wrong", [error]) from None

    def refuse(name: str, message: str) -> None:
        origin = converter.origins.get(name, "")
        if not origin.startswith("env "):
            origin = str(find_place(root, mode, *name.split(".")).relative_to(root))
        wrong.setdefault(name, ConfigError(name, f"{origin}: {message}"))

    converter = Converter(refuse, f"config/{mode}.py")
    settings: ServerSettings = converter.convert_fields(raw, "", ServerSettings())
    for name, message in _check_whole(settings, mode):
        refuse(name, message)
    if wrong:
        raise ExceptionGroup(f"{len(wrong)} settings wrong", list(wrong.values()))
    return dataclasses.replace(settings, origins=converter.origins)


def list_modes(root: Path) -> list[str]:
    """The modes of an application: files of `config/` that assign `settings`."""
    files = (path for path in (root / "config").glob("*.py") if path.stem.isidentifier() and path.stem not in _NO_MODES)
    return sorted(path.stem for path in files if re.search(r"(?m)^settings\b.*=", _read(path)))


def describe_settings(settings: ServerSettings, mode: str, projects: Any) -> list[tuple[str, str, str]]:
    """Every setting as dotted name, masked value and origin: `default`, `config/<mode>.py` or `env NAME`.

    `projects`: the settings of projects, by identity and name; those that the mode does not give are defaults.
    """
    given = dict(_flatten(settings, ""))
    left = dict(_flatten(projects, "projects"))
    kept = {name: left[name] for name in left if not any(f"{one}.".startswith(f"{name}.") for one in given)}
    origins = dict.fromkeys(given, f"config/{mode}.py") | dict.fromkeys(kept, "default") | dict(settings.origins)
    return [(name, _mask(name, value), origins[name]) for name, value in (given | kept).items()]


def find_place(root: Path, mode: str, *trail: str) -> Source:
    """Where a setting is given, in `config/<mode>.py` or beside it; `trail`: names and keys down to it."""
    own = root / "config" / f"{mode}.py"
    texts = {path: _read(path) for path in (own, *sorted(own.parent.glob("*.py")))}
    for end in range(len(trail), 0, -1):
        for path, text in texts.items():
            line = _find_line(text, trail[:end])
            if line:
                return Source(str(path), line)
    return Source(str(own), 1)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # importing it says what is wrong


def _find_line(text: str, trail: tuple[str, ...]) -> int:
    """The line on which names stand as arguments or keys, one after the other; 0 when they do not."""
    at, times = 0, 1
    for name in trail:
        if name.isdigit():  # in a list: skip the earlier ones
            times = int(name) + 1
            continue
        found = list(re.finditer(rf"\b{re.escape(name)}[\"']?\s*[=:]", text[at:]))[:times]
        if len(found) < times:
            return 0
        at, times = at + found[-1].end(), 1
    return text.count("\n", 0, at) + 1


def _import_settings(mode: str, root: Path) -> ServerSettings:
    path = root / "config" / f"{mode}.py"
    if not mode.isidentifier() or not path.exists() or mode in _NO_MODES:
        known = list_modes(root)
        hint = did_you_mean(mode, known)
        message = f"there is no config/{mode}.py; modes are: {', '.join(known) or 'none'}{hint and f' ({hint})'}"
        raise ConfigError("mode", message)
    put_first(root)
    drop_package("config")
    bind_package("config", path.parent)
    module = import_file(f"config.{mode}", path, [path.parent])
    if isinstance(module, LoadError):
        raise ConfigError(*format_problem(module, root).split(": ", 1))
    settings = getattr(module, "settings", None)
    if not isinstance(settings, ServerSettings):
        raise ConfigError(f"config/{mode}.py", "must assign settings = ServerSettings(…)")
    return settings


def _check_whole(settings: ServerSettings, mode: str) -> Iterator[tuple[str, str]]:
    """What no single value shows: references, repetitions, and what production refuses."""
    production = is_production(mode)
    names = settings.databases
    if settings.default_database and settings.default_database not in names:
        hint = did_you_mean(settings.default_database, names) or f"databases has {sorted(names)}"
        yield "default_database", f"'{settings.default_database}' is no database ({hint})"
    for key, database in names.items():
        name = f"databases.{key}.url"
        url = database.url.reveal() if isinstance(database.url, Secret) else database.url
        if isinstance(url, Local):
            if mode not in LOCAL_MODES:
                yield name, f"LOCAL is for the modes {' and '.join(LOCAL_MODES)}; give a mongodb:// URL"
        elif not url.startswith(("mongodb://", "mongodb+srv://")):
            yield name, "must start with mongodb:// or mongodb+srv://"
        elif production and _W_ONE.search(url):
            yield name, "w=0 and w=1 lose writes when a primary fails; use w=majority"
    yield from check_edge(settings)
    for at, server in enumerate(settings.cache.servers):
        if not re.fullmatch(r"[\w.-]+:\d{1,5}|\[[\da-fA-F:]+\]:\d{1,5}", server):
            yield f"cache.servers.{at}", "must be host:port"
    if not re.fullmatch(r"[!-~]{1,40}", settings.cache.prefix):
        yield "cache.prefix", "must be 1 to 40 printable ASCII characters without blanks"
    places = [(listener.host, listener.port) for listener in settings.listen if listener.port]
    if len(set(places)) < len(places):
        yield "listen", "two listeners share a port"
    for name in ("language", "region"):
        if not re.fullmatch("[a-z]{2}", getattr(settings.culture, name)):
            yield f"culture.{name}", "must be two small letters, such as 'en'"
    if settings.public_url and not re.match(r"https?://[^/]", settings.public_url):
        yield "public_url", "must start with http:// or https://"
    if settings.debug and production:
        yield "debug", f"must be off in mode {mode}: it shows the inside to clients"


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner: Mapping[Any, Any] = {}
    if dataclasses.is_dataclass(value):
        inner = {item.name: getattr(value, item.name) for item in dataclasses.fields(value) if item.name != "origins"}
    elif isinstance(value, Mapping):
        inner = value
    elif isinstance(value, list | tuple) and any(map(dataclasses.is_dataclass, value)):
        inner = dict(enumerate(value))
    if not inner:
        yield name, value
    for key, part in inner.items():
        yield from _flatten(part, f"{name}.{key}" if name else str(key))


def _mask(name: str, value: Any) -> str:
    last = name.rpartition(".")[2]
    hidden = SECRET_NAME.search(last) is not None and "url" not in last.lower()
    if isinstance(value, Secret) or (value and isinstance(value, str) and hidden):
        return "***"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_mask(name, part) for part in value) + "]"
    return "{}" if isinstance(value, Mapping) else _SECRET_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", str(value)))
