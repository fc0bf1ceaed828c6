"""Core's own texts: one for every wire code, in English and German.

In: nothing. Out: `SYSTEM_TEXTS`, key → language → text. `config/translations.py` may replace each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.errors import WireCode

SYSTEM_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    key: {"en": english, "de": german}
    for key, english, german in (
        (WireCode.UNEXPECTED_TYPE, "The value has the wrong type.", "Der Wert hat den falschen Typ."),
        (
            WireCode.UNEXPECTED_DEFAULT_VALUE,
            "The default does not suit the parameter.",
            "Die Vorgabe passt nicht zum Parameter.",
        ),
        (WireCode.MIN_LENGTH_UNDERACHIEVED, "The value is too short.", "Der Wert ist zu kurz."),
        (WireCode.MAX_LENGTH_EXCEEDED, "The value is too long.", "Der Wert ist zu lang."),
        (WireCode.MIN_VALUE_UNDERACHIVED, "The value is too small.", "Der Wert ist zu klein."),
        (WireCode.MAX_VALUE_EXCEEDED, "The value is too large.", "Der Wert ist zu groß."),
        (WireCode.VALUE_NOT_ALLOWED, "This value is not allowed.", "Dieser Wert ist nicht erlaubt."),
        (WireCode.PATTERN_MISMATCH, "The value has the wrong form.", "Der Wert hat die falsche Form."),
        (WireCode.MISSING_REQUIRED_PARAMETER, "A required value is missing.", "Ein notwendiger Wert fehlt."),
        (
            WireCode.ADDITIONAL_PARAMS_NOT_ALLOWED,
            "There are parameters that do not exist here.",
            "Es gibt Parameter, die hier nicht vorgesehen sind.",
        ),
        (WireCode.BAD_REQUEST, "The request cannot be understood.", "Die Anfrage ist nicht verständlich."),
        (WireCode.UNAUTHORIZED, "You need to identify yourself.", "Eine Anmeldung ist erforderlich."),
        (WireCode.FORBIDDEN, "You may not do this.", "Das ist nicht erlaubt."),
        (WireCode.NOT_FOUND, "There is nothing here.", "Hier gibt es nichts."),
        (WireCode.METHOD_NOT_ALLOWED, "This method does not exist here.", "Diese Methode gibt es hier nicht."),
        (
            WireCode.CONFLICT,
            "The request contradicts what is stored.",
            "Die Anfrage widerspricht dem gespeicherten Stand.",
        ),
        (
            WireCode.DATA_RECORD_ALREADY_EXIST,
            "There is such a record already.",
            "Einen solchen Datensatz gibt es schon.",
        ),
        (WireCode.GONE, "It is not here any more.", "Das gibt es hier nicht mehr."),
        (
            WireCode.ETAG_MISMATCH,
            "The record was changed in the meantime.",
            "Der Datensatz wurde zwischenzeitlich geändert.",
        ),
        (WireCode.PAYLOAD_TOO_LARGE, "The body is too large.", "Die Nachricht ist zu groß."),
        (WireCode.URI_TOO_LONG, "The address is too long.", "Die Adresse ist zu lang."),
        (
            WireCode.UNSUPPORTED_MEDIA_TYPE,
            "Bodies of this type are not read here.",
            "Nachrichten dieser Art werden hier nicht gelesen.",
        ),
        (WireCode.MISDIRECTED, "This host is not served here.", "Dieser Host wird hier nicht bedient."),
        (WireCode.RATE_LIMIT_EXCEEDED, "There were too many requests.", "Es waren zu viele Anfragen."),
        (WireCode.HEADERS_TOO_LARGE, "The header fields are too large.", "Die Kopfzeilen sind zu groß."),
        (WireCode.INTERNAL_SERVER_ERROR, "Something went wrong on our side.", "Bei uns ist etwas schiefgegangen."),
        (
            WireCode.BAD_GATEWAY,
            "Another service gave no usable answer.",
            "Ein anderer Dienst gab keine brauchbare Antwort.",
        ),
        (WireCode.UNAVAILABLE, "The service is not available at the moment.", "Der Dienst ist gerade nicht verfügbar."),
        (WireCode.REQUEST_TIMEOUT, "The request took too long.", "Die Anfrage hat zu lange gedauert."),
        (WireCode.GATEWAY_TIMEOUT, "Another service took too long.", "Ein anderer Dienst hat zu lange gebraucht."),
        ("ServiceIsDeprecated", "This service will be switched off.", "Dieser Dienst wird abgeschaltet."),
    )
}
