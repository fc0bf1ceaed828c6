"""Texts: which one is found, what is put in, and whose language it is."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from core.errors import WireCode
from core.serve.i18n import Translator
from core.settings import Culture

GROUPS: dict[str, Any] = {
    "demo": {
        "Hello": {"en": {"gb": "Hello", "us": "Hi"}, "de": "Hallo"},
        "OnlyGerman": {"de": "Nur deutsch"},
        "OnlyFrench": {"fr": "Seulement"},
        "Region": {"de": {"at": "Servus", "de": "Moin"}, "en": "Hello"},
        "Values": {"en": "[0] and [1], [0] again; [name] of [9]"},
        "NotFound": {"en": "No such todo"},
    },
    "system": {"NotFound": {"de": "Fort."}, "Own": {"en": "Own text"}},
}


@pytest.fixture
def translator() -> Translator:
    return Translator(GROUPS, Culture("en", "gb"))


FOUND = [
    ("demo", "Hello", "de", "de", "Hallo"),
    ("demo", "Hello", "de", "at", "Hallo"),
    ("demo", "Hello", "en", "us", "Hi"),
    ("demo", "Hello", "en", "gb", "Hello"),
    ("demo", "Hello", "en", "au", "Hello"),
    ("demo", "Hello", "fr", "us", "Hi"),
    ("demo", "Hello", "fr", "fr", "Hello"),
    ("demo", "Region", "de", "at", "Servus"),
    ("demo", "Region", "fr", "fr", "Hello"),
    ("demo", "NotFound", "de", "de", "No such todo"),
    ("system", "NotFound", "de", "de", "Fort."),
    ("", "NotFound", "de", "de", "Fort."),
    ("", "NotFound", "en", "gb", "There is nothing here."),
    ("", "NotFound", "fr", "fr", "There is nothing here."),
    ("", "Own", "de", "de", "Own text"),
    ("demo", "Gone", "de", "de", "Das gibt es hier nicht mehr."),
]


@pytest.mark.parametrize(("group", "key", "language", "region", "text"), FOUND)
def test_the_text_that_is_found(translator, group, key, language, region, text) -> None:
    assert translator.translate(group, key, language, region) == text


def test_english_is_the_last_resort() -> None:
    translator = Translator(GROUPS, Culture("fr", "fr"))
    assert translator.translate("demo", "OnlyFrench", "de", "de") == "Seulement"
    assert translator.translate("", "NotFound", "it", "it") == "There is nothing here."


def test_a_missing_text_is_its_key_and_one_warning(translator, caplog) -> None:
    with caplog.at_level(logging.WARNING, "catena.i18n"):
        for _ in range(3):
            assert translator.translate("demo", "Nothing", "en", "gb") == "Nothing"
            assert translator.translate("nobody", "Nothing", "en", "gb") == "Nothing"
            assert translator.translate("demo", "OnlyGerman", "en", "gb") == "OnlyGerman"
    assert len(caplog.records) == 3


def test_values_are_put_in(translator) -> None:
    text = translator.translate("demo", "Values", "en", "gb", "x", 2, name="n")
    assert text == "x and 2, x again; n of [9]"
    assert translator.translate("demo", "Values", "en", "gb") == GROUPS["demo"]["Values"]["en"]
    assert translator.translate("demo", "Values", "en", "gb", 0, "") == "0 and , 0 again; [name] of [9]"


def test_a09_values_are_never_interpreted(translator) -> None:
    hostile = ["[1]", "[name]", "{0}", "%s", "\\1", "\\g<0>", "{0.__class__}"]
    for value in hostile:
        text = translator.translate("demo", "Values", "en", "gb", value, "second", name="[0]")
        assert text == f"{value} and second, {value} again; [0] of [9]"


@pytest.mark.parametrize("code", [*WireCode, "ServiceIsDeprecated"])
def test_every_code_has_a_text_in_both_languages(code: str) -> None:
    translator = Translator({}, Culture())
    texts = {translator.translate("", code, language, "xx") for language in ("en", "de")}
    assert len(texts) == 2
    assert code not in texts


CULTURES = [
    (None, None, ("en", "gb")),
    ("de-AT", None, ("de", "at")),
    ("DE-at", "fr-FR", ("de", "at")),
    ("de", None, ("en", "gb")),
    ("xx de-at yy", None, ("en", "gb")),
    ("de-at-x", "de-CH", ("de", "ch")),
    ("de_at", None, ("en", "gb")),
    ("", None, ("en", "gb")),
    ("٣٣-٣٣", None, ("en", "gb")),
    (None, "de-CH", ("de", "ch")),
    (None, "de", ("de", "gb")),
    (None, "it, de;q=0.5, en-US;q=0.8", ("en", "us")),
    (None, "de;q=0, en-US;q=0.1", ("en", "us")),
    (None, "de ; q=0.9 , en-US;q=0.1", ("de", "gb")),
    (None, "fr-CA,en;q=0.9", ("fr", "ca")),
    (None, "zh-Hant-TW, *;q=0.1", ("en", "gb")),
    (None, "*", ("en", "gb")),
    (None, "de;q=2", ("en", "gb")),
    (None, "de;q=x,;,q=,-", ("en", "gb")),
    (None, "it," * 100 + "de", ("en", "gb")),
]


@pytest.mark.parametrize(("code", "accept", "culture"), CULTURES)
def test_the_culture_of_a_request(translator, code, accept, culture) -> None:
    assert translator.read_culture(code, accept) == culture
