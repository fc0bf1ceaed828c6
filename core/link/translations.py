"""Texts of all groups in one dictionary.

In: `Translations`. Out: group → key → language → text, or → region → text. Read by `serve/i18n.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from core.declare.project import Translations
from core.errors import BadDeclaration
from core.load.problems import Problems

_HINT = "key → language → text, or key → language → region → text"


def merge_translations(declared: Iterable[Translations], problems: Problems) -> Mapping[str, Any]:
    """Every group by its name; groups of a wrong shape are reported and left out."""
    groups: dict[str, Any] = {}
    for translations in declared:
        wrong = _find_wrong(translations.texts)
        if wrong is None:
            groups[translations.identity] = translations.texts
        else:
            message = f"translations '{translations.identity}': {wrong}"
            problems.add(BadDeclaration(translations.source, message, _HINT))
    return MappingProxyType(groups)


def _find_wrong(texts: Any) -> str | None:
    if not isinstance(texts, Mapping):
        return f"{texts!r} is no dictionary"
    for key, languages in texts.items():
        if not isinstance(key, str) or not isinstance(languages, Mapping):
            return f"key {key!r} needs languages"
        for language, text in languages.items():
            regions = text if isinstance(text, Mapping) else {"": text}
            if not isinstance(language, str) or not regions:
                return f"key '{key}' has no text for {language!r}"
            for region, words in regions.items():
                if not isinstance(region, str) or not isinstance(words, str):
                    return f"key '{key}', language '{language}' has no text but {words!r}"
    return None
