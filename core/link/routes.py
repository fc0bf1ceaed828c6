"""From a routes file to linked routes: every method of every path under every prefix.

In: `Routes` of a project. Out: `LinkedRoute`s; routes of other modes do not exist. Before it: `chain.py`,
`steps.py`; after it: `paths.find_conflicts`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from core.declare.route import Body, Route, Routes, names
from core.errors import BadDeclaration, PreconditionConflict, UnresolvedReference
from core.link.chain import ChainResolver, ChainStep
from core.link.linked import OPEN_SHAPES, LinkedLimit, LinkedRoute, LinkedStep, Section
from core.link.paths import build_urls, check_pattern, check_url, expand_keywords
from core.link.steps import LinkedChain, choose_body, link_steps, merge_responses
from core.load.convert import check_values
from core.load.loader import Loaded
from core.load.problems import collect, did_you_mean, suggest
from core.schema.fields import MISSING, Field, find_conflict, find_text_limits
from core.serve.cors import build_finisher, find_mistakes
from core.settings import RateLimit, ServerSettings


@dataclass(frozen=True, slots=True)
class RouteLinker:
    """Links routes files; `output` and `errors` are the steps that the configuration adds to every chain."""

    loaded: Loaded
    settings: ServerSettings
    mode: str
    output: Sequence[ChainStep]
    errors: Sequence[ChainStep]
    resolver: ChainResolver

    def link(self, declared: Routes) -> Iterator[LinkedRoute]:
        """The routes of a file that exist in this mode; what cannot be linked is reported and left out."""
        file = check_values(declared, declared.source, self.loaded.problems)
        if file is None or not is_in_mode(file.environment, self.mode):
            return
        self.loaded.problems.attempt(self._check_file, file)
        for path in file.paths:
            checked = check_values(path, path.source, self.loaded.problems)
            if checked is None or not self.loaded.problems.attempt(check_url, path.url, "path", path.source):
                continue
            routes = {keyword: self._check_route(route) for keyword, route in checked.routes.items()}
            there = {key: route for key, route in routes.items() if route and is_in_mode(route.environment, self.mode)}
            for keyword, methods in expand_keywords(there).items():
                template = self.loaded.problems.attempt(self._link_route, file, there[keyword], keyword)
                for prefix, url in build_urls(file.prefixes, path.url, keyword):
                    known = self.loaded.problems.attempt(check_pattern, url, there[keyword].source)
                    if template is not None and known is not None:
                        self.loaded.problems.attempt(_check_path_fields, template, url, known)
                        for method in methods:
                            yield dataclasses.replace(template, method=method, prefix=prefix, url=url)

    def _check_file(self, file: Routes) -> None:
        _check_cors(file, "")
        if not file.group:
            raise BadDeclaration(file.source, "a routes file needs a group", 'Routes(group="…")')
        for prefix in file.prefixes:
            check_url(prefix, "prefix", file.source)
        hosts = [host.id for host in self.settings.hosts]
        for host in file.host_ids:
            if host not in hosts:
                hint = suggest(host, hosts, none="no hosts are configured")
                raise UnresolvedReference(file.source, f"unknown host '{host}'", hint)

    def _check_route(self, declared: Route) -> Route | None:
        label = f"route '{declared.identity}': "
        route = check_values(declared, declared.source, self.loaded.problems, label)
        self.loaded.problems.attempt(_check_cors, declared if route is None else route, label)
        if route is not None and not route.identity:
            message = "a route needs an identity"
            self.loaded.problems.add(BadDeclaration(route.source, message, 'Route("…", chain=[…])'))
        return route

    def _link_route(self, file: Routes, route: Route, keyword: str) -> LinkedRoute:
        """A route without url, method and prefix."""
        entries = [
            *((getattr(file, name), file.source, name) for name in ("before", "after", "errors")),
            *((getattr(route, name), route.source, name) for name in ("chain", "errors")),
        ]
        before, after, shared, chain, own = collect(lambda part: self.resolver.resolve(keyword, *part), entries)
        named = [step.action for step in after]
        output = [*after, *(step for step in self.output if step.action not in named)]
        steps, errors = [*before, *chain, *output], [*own, *shared, *self.errors]
        body = choose_body(route.body or file.body, steps, self.settings.limits.body_bytes, route.source)
        linked = link_steps(steps, errors, body, route.identity, self.loaded.registry)
        return self._build(file, route, keyword, linked, body, len(before) + len(chain))

    def _build(self, file: Routes, route: Route, keyword: str, chain: LinkedChain, body: Body, end: int) -> LinkedRoute:
        limits = self._link_limits(file, route, keyword)
        protected = any(step.action.authorizes for step in chain.steps)
        overflow = route.parameter_overflow or file.parameter_overflow
        kept = route.body is not None and route.body.type not in ("none", "stream", "multipart")
        return LinkedRoute(
            identity=route.identity,
            keyword=keyword,
            host_ids=file.host_ids,
            group=file.group,
            version=file.version,
            name=file.name or file.prefixes[0],
            description=route.description,
            modified=format_modified(route),
            docs=route.docs,
            authorization=protected if route.authorization is None else route.authorization,
            deprecated=file.deprecated if route.deprecated is None else route.deprecated,
            source=route.source,
            steps=chain.steps,
            output_at=end,
            error_steps=chain.error_steps,
            sections=chain.sections,
            parameters=self._merge_parameters(chain.steps),
            open_sections=frozenset(section.section for section in chain.sections if section.shape in OPEN_SHAPES),
            reads=frozenset[Section](section.section for section in chain.sections)
            | frozenset[Section](["query"] if overflow != "ignore" else [])
            | frozenset[Section](["body"] if kept else []),
            text_limits=find_text_limits(chain.sections, self.settings.limits.text_bytes),
            responses=merge_responses(chain.steps, checked=bool(chain.sections), limited=bool(limits)),
            response_schemes=MappingProxyType(dict(route.response_schemes or {})),
            body=body,
            cors=route.cors or file.cors,
            rate_limits=limits,
            parameter_overflow=overflow,
            timeout_s=route.timeout_s or file.timeout_s or self.settings.timeouts.request_s,
            finish=build_finisher(route, file, format_modified(route)),
            priority=route.priority,
        )

    def _link_limits(self, file: Routes, route: Route, keyword: str) -> tuple[LinkedLimit, ...]:
        of_file = f"file {file.group} {file.version} {file.name or file.prefixes[0]}"
        named: tuple[tuple[Literal["server", "file", "route"], str, RateLimit | None], ...] = (
            ("server", "server", self.settings.rate_limit),
            ("file", of_file, file.rate_limit),
            ("route", f"{of_file} {route.identity} {keyword}", route.rate_limit),
        )
        return tuple(LinkedLimit(name, scope, limit) for name, scope, limit in named if limit is not None)

    def _merge_parameters(self, steps: Iterable[LinkedStep]) -> Mapping[Section, Mapping[str, Field]]:
        """Section → wire name → field; steps may share one that they declare alike. mia.js merged in place."""
        merged: dict[Section, dict[str, Field]] = {}
        labels: dict[tuple[Section, str], str] = {}
        for step, section in [(owner, section) for owner in steps for section in owner.sections]:
            known = merged.setdefault(section.section, {})
            for field in section.fields:
                first = known.setdefault(field.wire, field)
                label = labels.setdefault((section.section, field.wire), step.action.label)
                conflict = find_conflict(first, field)
                if conflict is not None:
                    place = f"{label} at {first.source.relative_to(self.loaded.root)}"
                    both = f"{section.section} field '{field.wire}' of {step.action.label} and of {place}"
                    hint = "declare it alike in both, or in one of them only"
                    raise PreconditionConflict(field.source, f"{both} differ in '{conflict}'", hint)
                known[field.wire] = merge_field(first, field)
        return MappingProxyType({section: MappingProxyType(fields) for section, fields in merged.items()})


def is_in_mode(environment: str | Sequence[str], mode: str) -> bool:
    """Whether something exists in a mode: it names the mode, or none at all."""
    return not environment or mode in names(environment)


def merge_field(first: Field, second: Field) -> Field:
    """Both demands as one: what the first leaves open is taken from the second; what one lets, is let."""
    if first == second:
        return first
    flags = ("settable", "gettable", "docs")
    either = {name: getattr(first.rule, name) or getattr(second.rule, name) for name in flags}
    demanded = any(field.is_demanded and field.rule.settable for field in (first, second))
    return dataclasses.replace(
        first,
        type=second.type if first.type.kind == "any" else first.type,
        rule=dataclasses.replace(first.rule.over(second.rule), **either),
        default=MISSING if demanded else second.default if first.default is MISSING else first.default,
        nullable=first.nullable and second.nullable,
        required=first.required or second.required,
    )


def format_modified(route: Route) -> str:
    """The last change of a route as ISO-8601 in UTC, as listings print it; empty when it names none."""
    if route.modified is None:
        return ""
    try:
        at = route.modified if isinstance(route.modified, datetime) else datetime.fromisoformat(route.modified)
    except ValueError:
        message = f"route '{route.identity}': modified cannot be {route.modified!r}"
        raise BadDeclaration(route.source, message, "an ISO date such as 2026-11-20") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_cors(declared: Routes | Route, label: str) -> None:
    for message, hint in find_mistakes(declared.cors):
        raise BadDeclaration(declared.source, f"{label}{message}", hint)


def _check_path_fields(route: LinkedRoute, url: str, known: Sequence[str]) -> None:
    """Refuse path fields that no variable of the url fills, at the line of the field."""
    fields = [field for section in route.sections if section.section == "path" for field in section.fields]
    for field in fields:
        if field.wire not in known:
            message = f"path field '{field.wire}' is no variable of '{url}' (route '{route.identity}')"
            raise BadDeclaration(field.source, message, did_you_mean(field.wire, known))
