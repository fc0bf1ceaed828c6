"""Texts of the generic controllers: codes that core has no text for. Clients key on the code."""

from __future__ import annotations

from core import Translations

_TEXTS = {
    "UnknownServiceGroupOrVersion": (
        "The group or version of this service is not known.",
        "Gruppe oder Version dieses Dienstes sind nicht bekannt.",
    ),
    "KeyInvalid": ("The key or signature is not valid.", "Der Schlüssel oder die Signatur ist ungültig."),
    "KeyExpired": (
        "The key or signature has expired; check the clock against the header 'timestamp'.",
        "Der Schlüssel oder die Signatur ist abgelaufen; bitte die Uhr mit dem Header 'timestamp' vergleichen.",
    ),
    "KeyReplayed": (
        "A request with this signature was accepted before.",
        "Eine Anfrage mit dieser Signatur wurde bereits angenommen.",
    ),
    "KeyInvalidForGroup": (
        "The key does not open this group of services.",
        "Der Schlüssel gilt nicht für diese Gruppe von Diensten.",
    ),
    "SignatureMethodInvalid": ("This signature method is not known.", "Diese Signaturmethode ist nicht bekannt."),
    "DeviceIdInvalid": ("The device id is not valid.", "Die Geräte-ID ist ungültig."),
    "DeviceIdDoesNotExist": ("There is no device with this id.", "Es gibt kein Gerät mit dieser ID."),
    "TemporaryDisabled": ("The device is not active.", "Das Gerät ist nicht aktiv."),
    "IPNotAllowed": ("Your address may not do this.", "Von Ihrer Adresse aus ist das nicht erlaubt."),
    "NoIPDetermined": ("Your address could not be determined.", "Ihre Adresse konnte nicht ermittelt werden."),
    "RateLimitExceededForKey": ("Too many requests with this key.", "Zu viele Anfragen mit diesem Schlüssel."),
    "AccessKeyInvalid": ("The access key is not valid.", "Der Zugangsschlüssel ist ungültig."),
    "AccessKeyInvalidGroup": (
        "The access key does not open this group of services.",
        "Der Zugangsschlüssel gilt nicht für diese Gruppe von Diensten.",
    ),
    "SessionTokenNotValid": ("The session is not valid.", "Die Sitzung ist ungültig."),
    "SessionInvalidGroup": (
        "The session does not open this group of services.",
        "Die Sitzung gilt nicht für diese Gruppe von Diensten.",
    ),
}

translations = Translations("generic-translations", {code: {"en": en, "de": de} for code, (en, de) in _TEXTS.items()})
