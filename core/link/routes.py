"""From a routes file to linked routes: every method of every path under every prefix.

In: `Routes` and its project. Out: `LinkedRoute`s; routes of other modes do not exist. Before it:
`chain.py`, `steps.py`, `sections.py`, `merge.py`; after it: `conflicts.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from core.declare.route import Body, Path, Route, Routes, names
from core.errors import BadDeclaration, UnresolvedReference
from core.link.chain import ChainResolver, ChainStep
from core.link.checks import check_shape, check_values, format_modified, is_in_mode
from core.link.linked import LinkedErrorStep, LinkedRoute, LinkedSection, LinkedStep, Section
from core.link.merge import merge_parameters
from core.link.paths import build_urls, check_pattern, check_prefix, check_url, expand_keywords, variables_of
from core.link.sections import SectionCompiler, check_path_fields, choose_body
from core.link.steps import StepLinker, merge_responses
from core.load.loader import Loaded, LoadedProject
from core.load.problems import Problems
from core.load.suggest import did_you_mean, list_known
from core.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the configuration adds to every chain: the output step and the error step, if any."""

    output: tuple[ChainStep, ...] = ()
    errors: tuple[ChainStep, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mount:
    """One method of one path under one prefix."""

    file: Routes
    route: Route
    keyword: str
    method: str
    prefix: str
    url: str


@dataclass(frozen=True, slots=True)
class _Chain:
    """What the steps of a route were linked to."""

    steps: tuple[LinkedStep, ...]
    error_steps: tuple[LinkedErrorStep, ...]
    output_at: int
    slots: int
    body: Body


class RouteLinker:
    """Links routes files, one after the other.

    Args:
        loaded: what was declared.
        settings: limits and timeouts where neither route nor file names any, and the known hosts.
        mode: routes of other modes are left out.
        defaults: steps of the configuration.
        resolver: resolves entries.
        problems: gets everything that is wrong.
    """

    def __init__(
        self,
        loaded: Loaded,
        settings: ServerSettings,
        mode: str,
        defaults: Defaults,
        resolver: ChainResolver,
        problems: Problems,
    ) -> None:
        self._loaded = loaded
        self._settings = settings
        self._mode = mode
        self._defaults = defaults
        self._resolver = resolver
        self._problems = problems
        self._compiler = SectionCompiler()

    def link(self, file: Routes, project: LoadedProject) -> Iterator[LinkedRoute]:
        """The routes of a file that exist in this mode; what cannot be linked is reported and left out."""
        if not self._problems.holds(partial(check_shape, file)):
            return
        if not is_in_mode(names(file.environment), self._mode):
            return
        self._problems.holds(partial(self._check_file, file))
        paths: Sequence[object] = file.paths
        for path in paths:
            if not isinstance(path, Path):
                message = f"paths are Path(url, …), not {path!r}"
                self._problems.add(BadDeclaration(file.source, message))
            elif self._problems.holds(partial(check_path, path)):
                for mount in self._mounts(file, path):
                    yield from self._link_mount(mount, project)

    def _check_file(self, file: Routes) -> None:
        check_values(file)
        for prefix in file.prefixes:
            check_prefix(prefix, file.source)
        known = [host.id for host in self._settings.hosts]
        for host in file.host_ids:
            if host not in known:
                hint = did_you_mean(host, known) or list_known(known, none="no hosts are configured")
                raise UnresolvedReference(file.source, f"unknown host '{host}'", hint)

    def _mounts(self, file: Routes, path: Path) -> Iterator[_Mount]:
        there = {
            keyword: route for keyword, route in path.routes.items() if is_in_mode(names(route.environment), self._mode)
        }
        for keyword, methods in expand_keywords(there).items():
            for prefix, url in build_urls(file.prefixes, path.url, keyword):
                for method in methods:
                    yield _Mount(file, there[keyword], keyword, method, prefix, url)

    def _link_mount(self, mount: _Mount, project: LoadedProject) -> Iterator[LinkedRoute]:
        route, file = mount.route, mount.file
        resolve = partial(self._resolver.resolve, keyword=mount.keyword)
        chain = [
            *resolve(file.before, source=file.source, project=project),
            *resolve(route.chain, source=route.source, project=project),
        ]
        after = resolve(file.after, source=file.source, project=project)
        errors = [
            *resolve(route.errors, source=route.source, project=project),
            *resolve(file.errors, source=file.source, project=project),
        ]
        sound = self._problems.holds(partial(self._check_mount, mount))
        if not sound or None in (*chain, *after, *errors):
            return
        output = _with_default(_present(after), self._defaults.output)
        failing = [*_present(errors), *self._defaults.errors]
        linked = self._problems.attempt(partial(self._build, mount, _present(chain), output, failing))
        if linked is not None:
            yield linked

    def _check_mount(self, mount: _Mount) -> None:
        check_values(mount.route, f"route '{mount.route.identity}': ")
        check_pattern(mount.url, mount.route.source)

    def _build(
        self, mount: _Mount, chain: list[ChainStep], output: list[ChainStep], errors: list[ChainStep]
    ) -> LinkedRoute | None:
        route, steps = mount.route, [*chain, *output]
        check_roles(steps, errors)
        declared = route.body or mount.file.body
        body = choose_body(declared, steps, self._settings.limits.body_bytes, route.source)
        linker = StepLinker(steps, route.identity, self._loaded, self._problems)
        linked = linker.link(body, self._compiler)
        error_steps = linker.link_errors(errors)
        if linked is None or linker.failed:
            return None
        sections = [section for step in linked for section in step.sections]
        check_path_fields(sections, variables_of(mount.url), mount.url, route.identity)
        return self._assemble(mount, _Chain(linked, error_steps, len(chain), linker.slots, body))

    def _assemble(self, mount: _Mount, chain: _Chain) -> LinkedRoute:
        route, file = mount.route, mount.file
        labelled = [(step.label, section) for step in chain.steps for section in step.sections]
        sections = tuple(section for _, section in labelled)
        limits = tuple(limit for limit in (file.rate_limit, route.rate_limit) if limit is not None)
        overflow = route.parameter_overflow or file.parameter_overflow
        authorizes = any(step.authorizes for step in chain.steps)
        return LinkedRoute(
            identity=route.identity,
            method=mount.method,
            keyword=mount.keyword,
            url=mount.url,
            prefix=mount.prefix,
            host_ids=file.host_ids,
            group=file.group,
            version=file.version,
            name=file.name or file.prefixes[0],
            description=route.description,
            modified=format_modified(route),
            docs=route.docs,
            authorization=authorizes if route.authorization is None else route.authorization,
            deprecated=file.deprecated if route.deprecated is None else route.deprecated,
            source=route.source,
            steps=chain.steps,
            output_at=chain.output_at,
            error_steps=chain.error_steps,
            slots=chain.slots,
            sections=sections,
            parameters=merge_parameters(labelled, self._loaded),
            open_sections=frozenset(section.section for section in sections if section.open),
            reads=sections_to_read(sections, watched=overflow != "ignore"),
            responses=merge_responses(chain.steps, checked=bool(sections), limited=bool(limits)),
            response_schemes=MappingProxyType(dict(route.response_schemes or {})),
            body=chain.body,
            cors=route.cors or file.cors,
            rate_limits=limits,
            parameter_overflow=overflow,
            timeout_s=route.timeout_s or file.timeout_s or self._settings.timeouts.request_s,
        )


def check_path(path: Path) -> None:
    """Refuse a path whose url or routes cannot be mounted.

    Raises:
        BadDeclaration: something about it.
    """
    routes: Mapping[str, object] = path.routes
    for keyword, route in routes.items():
        if not isinstance(route, Route):
            raise BadDeclaration(path.source, f"{keyword}= must be Route(…), not {route!r}")
    check_url(path.url, path.source)


def check_roles(steps: Sequence[ChainStep], errors: Sequence[ChainStep]) -> None:
    """Refuse error steps in a chain, and other steps among error steps.

    Raises:
        BadDeclaration: one stands in the wrong place.
    """
    for step in steps:
        if step.signature.is_error_step:
            message = f"{step.label} takes an error, so it cannot stand in a chain"
            raise BadDeclaration(step.source, message, "name it in errors=[…]")
    for step in errors:
        if not step.signature.is_error_step:
            message = f"{step.label} is no error step"
            raise BadDeclaration(step.source, message, "an error step takes 'error: HTTPError'")


def sections_to_read(sections: Sequence[LinkedSection], *, watched: bool) -> frozenset[Section]:
    """The sections that must be parsed: those that steps read, and the query where overflow is watched."""
    read: frozenset[Section] = frozenset(section.section for section in sections)
    return read | {"query"} if watched else read


def _present(steps: Sequence[ChainStep | None]) -> list[ChainStep]:
    return [step for step in steps if step is not None]


def _with_default(after: list[ChainStep], default: Sequence[ChainStep]) -> list[ChainStep]:
    """The steps after a chain; the default output is left out where `after` names it already."""
    named = {id(step.action) for step in after}
    return [*after, *(step for step in default if id(step.action) not in named)]
