"""Patterns of `match`, and those that core and generic ship: no text makes them slow."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys

import pytest

import core
import generic
from core.schema import pattern as patterns
from core.schema.pattern import compile_search
from tests.timing import cpu_ms

# Pattern that RE2 does not know, a text in which it is found, one in which it is not.
BOUNDED = [
    (r"(?=ab)a", "xab", "xa"),
    (r"^(?=.*[A-Z])(?=.*\d).{8,}$", "Passw0rds", "passw0rds"),
    (r"(?=.*[A-Z])(?=.*\d).{8,}", "Passw0rds", "passw0rds"),
    (r"^(?!-)[a-z-]{1,63}(?<!-)$", "a-b", "a-"),
    (r"^((?!foo).)*$", "fo", "xfoo"),
    (r"^(a+)\1$", "aa", "aaa"),
    (r"(?<=a)b.*", "ab", "cb"),
    (r"^(a)?(?(1)b|c)$", "ab", "b"),
    (r"^(?>a+)b$", "aab", "aaa"),
    (r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$", "1.2.3.4", "1.2.3."),
    (r"^[$\]]\$?(?!b)$", "$$", "$$b"),
]
REFUSED = [
    r"(a+)+$(?=x)", r"^(a|aa)+$(?=)", r"^(?=(a+)+$)a", r"(?:a|bc|c){30}(?=x)", r"((((a?)*)*)*)*(?=x)", r"^(a|b|ab)*\1$",
    r"^(.*)(.*)(.*)(.*)\4$", r"^(?=.*a.*b.*c.*d)x", r"(?:(?:(?:(?:a?){9}){9}){9}){9}(?=x)",
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "found", "missed"), BOUNDED)
def test_VAL_4_what_re2_does_not_know_runs_on_short_texts(pattern: str, found: str, missed: str) -> None:
    search = compile_search(pattern)
    assert (search(found), search(missed)) == (True, False)
    assert not pattern.endswith("$") or not search(found + "\n")
    assert not search(found + "a" * 256)


@pytest.mark.parametrize("pattern", REFUSED)
def test_VAL_4_what_could_take_long_is_refused_when_it_is_loaded(pattern: str) -> None:
    with pytest.raises(ValueError, match="could take too long"):
        compile_search(pattern)


def test_VAL_4_without_re2_every_pattern_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    compile_search.cache_clear()
    try:
        assert compile_search("^[a-z]+$")("abc")
        with pytest.raises(ValueError, match="could take too long"):
            compile_search("^(a+)+$")
    finally:
        compile_search.cache_clear()


def test_multiline_patterns_end_at_lines() -> None:
    assert compile_search("^a$(?!x)", re.MULTILINE)("b\na\nc")


PUMPS = [
    "a",
    "0",
    "1.",
    "a@",
    "a.",
    "-",
    ":",
    "%",
    " ",
    "/",
    "a=",
    "&",
    "a;",
    "\\",
    '"',
    "[",
    "(",
    "é",
    "\n",
    "01-",
    "T00:00",
]


@pytest.mark.parametrize(
    "pattern", [r"^(a+)+$", r"^(\w+\s?)*$", r"(x+x+)+y", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*)*\d$"]
)
def test_VAL_4_declared_patterns_take_linear_time(pattern: str) -> None:
    search = compile_search(pattern)
    assert max(cpu_ms(lambda pump=pump: search(pump * 60_000 + "!")) for pump in ("a", "x", " ")) < 50


@pytest.mark.parametrize("pattern", [row[0] for row in BOUNDED])
def test_VAL_4_bounded_patterns_take_milliseconds(pattern: str) -> None:
    search = compile_search(pattern)
    texts = [(pump * 256)[:255] + end for pump in [*PUMPS, "aA1", "25", "ab"] for end in "!a\n"]
    assert max(cpu_ms(lambda text=text: search(text)) for text in texts) < 50


#: tests, data, and what reads only what authors wrote, when it is loaded
NOT_SERVING = [".tests", ".assets", ".template", "core.load.", "core.link.", "core.commands.", "core.schema.pattern"]


def shipped() -> list[tuple[str, str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Every pattern that stands in a module of core and generic, with the ways in which its module uses it."""
    found = []
    for package in (core, generic):
        for module_info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if any(part in module_info.name for part in NOT_SERVING):
                continue
            module = importlib.import_module(module_info.name)
            text = module.__loader__.get_source(module.__name__) or ""
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern) and re.search(rf"^{name}\b", text, re.MULTILINE):
                    ways = set(re.findall(rf"\b{name}\.(\w+)\b", text)) & {
                        "search",
                        "match",
                        "fullmatch",
                        "findall",
                        "sub",
                    }
                    found += [(f"{module.__name__}.{name}", way, value) for way in sorted(ways)]
    return found


SHIPPED = shipped()


@pytest.mark.parametrize(("name", "way", "pattern"), SHIPPED, ids=[f"{name}.{way}" for name, way, _ in SHIPPED])
def test_VAL_4_shipped_patterns_take_milliseconds(name: str, way: str, pattern: re.Pattern) -> None:
    for pump in PUMPS:
        for end in ("", "!"):
            text = (pump * 65_536)[: 65_536 // max(1, len(pump.encode()))] + end
            subject = text.encode() if isinstance(pattern.pattern, bytes) else text
            run = getattr(pattern, way)
            took = cpu_ms(lambda run=run, subject=subject: run(subject[:0], subject) if way == "sub" else run(subject))
            assert took < 50, (name, way, pump)


def test_shipped_patterns_are_found() -> None:
    assert {"core.schema.value._ISO", "core.schema.value._NUMBER"} <= {name for name, _, _ in SHIPPED}
    assert patterns._LONGEST == 256


PLAIN = [r"^[a-z]-[0-9]+$", r"^\+?[0-9 ]{5,20}$", r"^[^@ ]*$", r"^a?b*c$", r"^[A-Z.+-]\.$"]
TEXTS = ["", "a-17", "a-17\n", "+44 20 7946", "é", "bc", "abbc", "+.", "\n", "1" * 20, "1" * 300, "a-" + "1" * 300]


@pytest.mark.parametrize("pattern", PLAIN)
def test_plain_patterns_mean_the_same_to_both_engines(pattern: str) -> None:
    """RE2 does not see short texts then, and Python's engine no long ones."""
    linear = patterns._compile_linear(pattern, 0)
    assert linear is not None
    search = compile_search(pattern)
    assert search.__code__ is not linear.__code__
    assert [search(text) for text in TEXTS] == [linear(text) for text in TEXTS]
