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

from core.settings import Culture

#: core's own texts by wire code, in English and German; `config/translations.py` may replace each
_TEXTS: Final = """
UnexpectedType | The value has the wrong type. | Der Wert hat den falschen Typ.
UnexpectedDefaultValue | The default does not suit the parameter. | Die Vorgabe passt nicht zum Parameter.
MinLengthUnderachieved | The value is too short. | Der Wert ist zu kurz.
MaxLengthExceeded | The value is too long. | Der Wert ist zu lang.
MinValueUnderachived | The value is too small. | Der Wert ist zu klein.
MaxValueExceeded | The value is too large. | Der Wert ist zu groß.
ValueNotAllowed | This value is not allowed. | Dieser Wert ist nicht erlaubt.
PatternMismatch | The value has the wrong form. | Der Wert hat die falsche Form.
MissingRequiredParameter | A required value is missing. | Ein notwendiger Wert fehlt.
AdditionalParamsNotAllowed | There are unknown parameters. | Es gibt Parameter, die hier nicht vorgesehen sind.
BadRequest | The request cannot be understood. | Die Anfrage ist nicht verständlich.
Unauthorized | You need to identify yourself. | Eine Anmeldung ist erforderlich.
Forbidden | You may not do this. | Das ist nicht erlaubt.
NotFound | There is nothing here. | Hier gibt es nichts.
MethodNotAllowed | This method does not exist here. | Diese Methode gibt es hier nicht.
Conflict | The request contradicts what is stored. | Die Anfrage widerspricht dem gespeicherten Stand.
DataRecordAlreadyExist | There is such a record already. | Einen solchen Datensatz gibt es schon.
Gone | It is not here any more. | Das gibt es hier nicht mehr.
ETagPreconditionFailed | The record was changed in the meantime. | Der Datensatz wurde zwischenzeitlich geändert.
PayloadTooLarge | The body is too large. | Die Nachricht ist zu groß.
UriTooLong | The address is too long. | Die Adresse ist zu lang.
UnsupportedMediaType | Bodies of this type are not read here. | Nachrichten dieser Art werden hier nicht gelesen.
MisdirectedRequest | This host is not served here. | Dieser Host wird hier nicht bedient.
RateLimitExceeded | There were too many requests. | Es waren zu viele Anfragen.
HeadersTooLarge | The header fields are too large. | Die Kopfzeilen sind zu groß.
InternalServerError | Something went wrong on our side. | Bei uns ist etwas schiefgegangen.
BadGateway | Another service gave no usable answer. | Ein anderer Dienst gab keine brauchbare Antwort.
ServiceUnavailable | The service is not available at the moment. | Der Dienst ist gerade nicht verfügbar.
RequestTimeout | The request took too long. | Die Anfrage hat zu lange gedauert.
GatewayTimeout | Another service took too long. | Ein anderer Dienst hat zu lange gebraucht.
ServiceIsDeprecated | This service will be switched off. | Dieser Dienst wird abgeschaltet.
"""
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
        rows = (line.split(" | ") for line in _TEXTS.strip().splitlines())
        system: dict[str, dict[str, Any]] = {key: {"en": english, "de": german} for key, english, german in rows}
        # Language by language: an installation that replaces the German text keeps the English one.
        for key, texts in groups.get(_SYSTEM, {}).items():
            system[key] = {**system.get(key, {}), **texts}
        self._groups = {**groups, _SYSTEM: system}
        self._default = (culture.language, culture.region)
        self._languages = {name for group in self._groups.values() for texts in group.values() for name in texts}
        self._missing: set[tuple[str, str]] = set()

    def translate(self, group: str, key: str, language: str, region: str, *values: object, **named: object) -> str:
        """The text of a key; tried are the language, its region, then the defaults, then English.

        The group is the identity of a `Translations`; empty or `system` for core's texts. `values` replace
        `[0]` to `[9]`, `named` replace `[name]`.
        """
        text = self._find(group or _SYSTEM, key, language, region)
        given = {str(index): value for index, value in enumerate(values)} | named
        return _PLACEHOLDER.sub(lambda found: str(given.get(found[1], found[0])), text) if given else text

    def read_culture(self, code: str | None, accept_language: str | None) -> tuple[str, str]:
        """Language and region in lower case, from `culture.code` (`de-at`), else from `Accept-Language`."""
        if code is not None and (match := _CULTURE.fullmatch(code.strip())):
            return match[1].lower(), match[2].lower()
        best, weight = self._default, 0.0
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
