"""Texts in the language of a request.

In: the translation groups that were linked, and per text a group, a key, a language and a region. Out: the
text. Source: mia.js 1.15 in its intended form: a missing key is the key itself and one warning; replacements
are put in literally, whatever they contain.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.settings import Culture

#: core's own texts in English and German, by wire code or English form; `config/translations.py` may replace each
_TEXTS: Final = (Path(__file__).with_name("texts.txt")).read_text(encoding="utf-8")
_SYSTEM: Final = "system"
_CULTURE: Final = re.compile(r"([A-Za-z]{2})-([A-Za-z]{2})")
_PLACEHOLDER: Final = re.compile(r"\[(\w{1,64})\]")
_WEIGHTED: Final = re.compile(r"\s*([A-Za-z]{2})(?:-([A-Za-z]{2}))?(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_log = logging.getLogger("catena.i18n")


class Translator:
    """Every text of the system and of projects.

    Args:
        groups: group → key → language → text, or region → text below the language.
        culture: language and region where a request names none.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, Any]], culture: Culture) -> None:
        rows = [line.split(" | ") for line in _TEXTS.splitlines()]
        system: dict[str, dict[str, Any]] = {row[0]: {"en": row[-2], "de": row[-1]} for row in rows}
        # Language by language: an installation that replaces the German text keeps the English one.
        for key, texts in groups.get(_SYSTEM, {}).items():
            system[key] = {**system.get(key, {}), **texts}
        self._groups = {**groups, _SYSTEM: system}
        self._default = (culture.language, culture.region)
        self._languages = {name for group in self._groups.values() for texts in group.values() for name in texts}
        # Those that hold a value are written where they are raised, and recognised by what stands around it.
        self._forms = [(_PLACEHOLDER.split(key)[::2], key) for key in system if " " in key]
        self._missing: set[tuple[str, str]] = set()

    def translate(self, group: str, key: str, language: str, region: str, *values: object, **named: object) -> str:
        """The text of a key; tried are the language, its region, then the defaults, then English.

        The group is the identity of a `Translations`; empty or `system` for core's texts. `values` replace
        `[0]` to `[9]`, `named` replace `[name]`.
        """
        text = self._find(group or _SYSTEM, key, language, region)
        given = {str(index): value for index, value in enumerate(values)} | named
        return _PLACEHOLDER.sub(lambda found: str(given.get(found[1], found[0])), text) if given else text

    def rephrase(self, text: str, language: str, region: str) -> str:
        """A message of core, written in English, in the language of a request; every other text as it is."""
        for parts, key in () if language == "en" else self._forms:
            values = _take_apart(text, parts)
            if values is not None:
                return self.translate(_SYSTEM, key, language, region, *values)
        return text

    def read_culture(
        self, code: str | None, accept_language: str | None, stored: tuple[str, str] | None = None
    ) -> tuple[str, str]:
        """Language and region in lower case: `culture.code` (`de-at`), `Accept-Language`, stored, or the default."""
        if code is not None and (match := _CULTURE.fullmatch(code.strip())):
            return match[1].lower(), match[2].lower()
        best, weight = stored or self._default, 0.0
        for part in (accept_language or "")[:200].split(","):
            match = _WEIGHTED.fullmatch(part)
            if match is not None and match[1].lower() in self._languages and float(match[3] or 1) > weight:
                best, weight = (match[1].lower(), (match[2] or self._default[1]).lower()), float(match[3] or 1)
        return best

    def _find(self, group: str, key: str, language: str, region: str) -> str:
        texts = self._groups.get(group, {}).get(key) or self._groups[_SYSTEM].get(key, {})
        for name in (language, self._default[0], "en"):
            text = texts.get(name)
            if isinstance(text, Mapping):
                text = text.get(region) or text.get(self._default[1]) or next(iter(text.values()), None)
            if isinstance(text, str):
                return text
        if (group, key) not in self._missing and len(self._missing) < 1_000:
            self._missing.add((group, key))
            _log.warning("no text '%s' in group '%s'", key, group, extra={"action": "i18n.missing"})
        return key


def _take_apart(text: str, parts: Sequence[str]) -> list[str] | None:
    """What stands between the parts of a form, if the text has it."""
    first, *inner = parts
    if not text.startswith(first) or not text.endswith(parts[-1]):
        return None
    values, at = list[str](), len(first)
    for number, part in enumerate(inner, 1):
        found = len(text) - len(part) if number == len(inner) else text.find(part, at)
        if found < at:
            return None
        values.append(text[at:found])
        at = found + len(part)
    return values if at == len(text) else None
