from __future__ import annotations

from core import Translations

translations = Translations(
    "demo-translations",
    {
        "TodoNotFound": {"en": "There is no todo with the id [0].", "de": "Es gibt keine Aufgabe mit der Id [0]."},
        "NothingToRemove": {"en": "There is nothing to remove.", "de": "Es gibt nichts zu entfernen."},
    },
)
