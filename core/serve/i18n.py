"""Texts in the language of a request.

In: the translation groups that were linked, and per text a group, a key, a language and a region. Out: the
text. Source: mia.js 1.15 in its intended form: a missing key is the key itself and one warning; replacements
are put in literally, whatever they contain.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from core.serve.texts import SYSTEM_TEXTS
from core.settings import Culture

#: the group of core's own texts, and of `config/translations.py`
SYSTEM: Final = "system"
_CULTURE: Final = re.compile(r"([A-Za-z]{2})-([A-Za-z]{2})")
_PLACEHOLDER: Final = re.compile(r"\[(\w{1,64})\]")
_WEIGHTED: Final = re.compile(r"\s*([A-Za-z]{2})(?:-([A-Za-z]{2}))?(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_ACCEPT_BYTES: Final = 200
_log = logging.getLogger("catena.i18n")


class Translator:
    """Every text of the system and of projects.

    Args:
        groups: group → key → language → text, or region → text below the language.
        culture: language and region where a request names none.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, Any]], culture: Culture) -> None:
        own = groups.get(SYSTEM, {})
        # Language by language: an installation that replaces the German text keeps the English one.
        system = {key: {**SYSTEM_TEXTS.get(key, {}), **own.get(key, {})} for key in {**SYSTEM_TEXTS, **own}}
        self._groups = {**groups, SYSTEM: system}
        self._default = (culture.language, culture.region)
        self._languages = {
            language for group in self._groups.values() for texts in group.values() for language in texts
        }
        self._missing: set[tuple[str, str]] = set()

    def translate(self, group: str, key: str, language: str, region: str, *values: object, **named: object) -> str:
        """The text of a key; tried are the language, its region, then the defaults, then English.

        Args:
            group: identity of a `Translations`; empty or `system` for core's texts.
            key: of the text.
            language: of the reader, lower case.
            region: of the reader, lower case.
            values: for `[0]` to `[9]`.
            named: for `[name]`.
        """
        text = self._find(group or SYSTEM, key, language, region)
        if not (values or named):
            return text
        given = {str(index): value for index, value in enumerate(values)} | named
        return _PLACEHOLDER.sub(lambda found: str(given.get(found[1], found[0])), text)

    def read_culture(self, code: str | None, accept_language: str | None) -> tuple[str, str]:
        """Language and region of a request, lower case.

        Args:
            code: the header `culture.code`, `de-at`.
            accept_language: the standard header; the heaviest language that has texts is taken.
        """
        if code is not None and (match := _CULTURE.fullmatch(code.strip())):
            return match[1].lower(), match[2].lower()
        if accept_language:
            return self._best_of(accept_language[:_ACCEPT_BYTES])
        return self._default

    def _best_of(self, header: str) -> tuple[str, str]:
        best, weight = self._default, 0.0
        for part in header.split(","):
            match = _WEIGHTED.fullmatch(part)
            if match is None or match[1].lower() not in self._languages:
                continue
            here = float(match[3] or 1)
            if here > weight:
                best, weight = (match[1].lower(), (match[2] or self._default[1]).lower()), here
        return best

    def _find(self, group: str, key: str, language: str, region: str) -> str:
        texts = self._groups.get(group, {}).get(key)
        if texts is None and group != SYSTEM:
            texts = self._groups[SYSTEM].get(key)
        if texts is not None:
            default_language, default_region = self._default
            for name in dict.fromkeys((language, default_language, "en")):
                text = texts.get(name)
                if isinstance(text, Mapping):
                    text = text.get(region) or text.get(default_region) or next(iter(text.values()), None)
                if isinstance(text, str):
                    return text
        if (group, key) not in self._missing and len(self._missing) < 1_000:
            self._missing.add((group, key))
            _log.warning("no text '%s' in group '%s'", key, group, extra={"action": "i18n.missing"})
        return key
