"""Texts of this installation that replace core's own: key → language → text, or → region → text.

Core has a text in English and German for every code that it sends: `BadRequest`, `NotFound`, …
"""

from __future__ import annotations

from core import Translations

translations = Translations(
    "system",
    {
        "ServiceIsDeprecated": {
            "en": "This service is deprecated and will be switched off. Please use its successor.",
            "de": "Dieser Dienst ist veraltet und wird abgeschaltet. Bitte verwenden Sie den Nachfolger.",
        }
    },
)
