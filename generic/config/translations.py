"""Texts of the generic controllers: codes that core has no text for. Clients key on the code."""

from __future__ import annotations

from core import Translations

translations = Translations(
    "generic-translations",
    {
        "UnknownServiceGroupOrVersion": {
            "en": "The group or version of this service is not known.",
            "de": "Gruppe oder Version dieses Dienstes sind nicht bekannt.",
        }
    },
)
