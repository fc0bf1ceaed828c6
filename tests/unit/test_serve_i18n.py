"""Texts: which one is found, what is put in, and whose language it is."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import errors
from core.errors import WireCode
from core.serve.i18n import _TEXTS, Translator
from core.settings import Culture
from generic.config.translations import translations as generic_texts
from tests.tree import ROOT, parse, python_files

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


STORED = [
    ("de-at", "fr-fr", ("de", "at")),
    (None, "de-ch", ("de", "ch")),
    (None, None, ("fr", "ca")),
    (None, "xx", ("fr", "ca")),
    ("nonsense", None, ("fr", "ca")),
]


@pytest.mark.parametrize(("code", "accept", "culture"), STORED)
def test_a_stored_culture_yields_to_what_the_request_says(translator, code, accept, culture) -> None:
    assert translator.read_culture(code, accept, ("fr", "ca")) == culture


# Every text that core and generic send


def _write_form(node: ast.expr) -> str | None:
    """A text as it stands in the source, its values as `[0]`, `[1]`; `None` for what is no text."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    if not all(isinstance(part, ast.FormattedValue | ast.Constant) for part in parts):
        return None
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    values = iter(range(10))
    return "".join(str(text) if text is not None else f"[{next(values)}]" for text in texts)


HTTP_ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.HTTPError)
}


def find_messages(path: Path) -> Iterator[tuple[str, str]]:
    """Place and form of every message of an error that a client may get."""
    for node in ast.walk(parse(path)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        found = [keyword.value for keyword in node.keywords if keyword.arg == "msg" and name in {*HTTP_ERRORS, "kind"}]
        if name == "refuse" and path.parent.name == "schema":
            found += node.args[1:2]
        for text in found:
            form = _write_form(text)
            if form is not None:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", form


def messages() -> list[tuple[str, str]]:
    found = [item for path in python_files(ROOT, "core") for item in find_messages(path)]
    found += [
        item for path in python_files(ROOT, "generic/libs", "generic/controllers") for item in find_messages(path)
    ]
    assert len(found) > 45, "the search finds nothing any more"
    return found


def test_every_message_is_there_in_german() -> None:
    translator = Translator({}, Culture())
    problems = []
    for place, form in messages():
        text = re.sub(r"\[(\d)\]", lambda found: f"<{found[1]}>", form)
        text = f"field{text}" if text.startswith(" ") else text
        german = translator.rephrase(text, "de", "de")
        values = set(re.findall(r"<\d>", text))
        if german == text or set(re.findall(r"<\d>", german)) != values:
            problems.append(f"{place}: {text} → {german}")
        assert translator.rephrase(text, "en", "gb") == text
        assert translator.rephrase(text, "fr", "fr") == text
    assert problems == []


#: how the texts above are put together elsewhere
MADE = [
    ("a.b[0] is unexpected type. string given integer expected", "a.b[0] hat den falschen Typ: string statt integer"),
    ("name is required but invalid value or no value given", "name ist notwendig, fehlt aber oder ist ungültig"),
    (
        "sort value 'x' is not allowed. Use one of the following values: a,b",
        "sort: der Wert 'x' ist nicht erlaubt. Erlaubt ist: a,b",
    ),
    (
        "a value '[0]' is not allowed. Do not use one of the following values: [1]",
        "a: der Wert '[0]' ist nicht erlaubt, ebenso wenig: [1]",
    ),
    (
        "a value 'x' is not allowed. Use one or more of the following string values separated by comma without blank spaces: b",
        "a: der Wert 'x' ist nicht erlaubt. Erlaubt sind, mit Kommas ohne Leerzeichen getrennt: b",
    ),
    ("Additional parameters are not allowed: a, b", "Diese Parameter sind hier nicht vorgesehen: a, b"),
    ("Invalid HTTP request received.", "Das ist keine gültige HTTP-Anfrage."),
    ("The body is longer than 5 bytes.", "Die Nachricht ist länger als 5 Bytes."),
    ("The body is longer than 5 bytes when it is inflated.", "Die Nachricht ist entpackt länger als 5 Bytes."),
    ("Something of an author is longer than that.", "Something of an author is longer than that."),
    ("", ""),
]


@pytest.mark.parametrize(("english", "german"), MADE)
def test_messages_in_german(english: str, german: str) -> None:
    assert Translator({}, Culture()).rephrase(english, "de", "de") == german


def test_messages_can_be_replaced() -> None:
    own = {"system": {"The body is longer than [0] bytes.": {"fr": "Trop long: [0].", "de": "Zu lang: [0]."}}}
    translator = Translator(own, Culture())
    texts = [translator.rephrase("The body is longer than 7 bytes.", language, "xx") for language in ("fr", "de", "en")]
    assert texts == ["Trop long: 7.", "Zu lang: 7.", "The body is longer than 7 bytes."]


def test_long_texts_cost_little() -> None:
    """What a client sends stands in messages: nothing grows faster than they do."""
    translator = Translator({}, Culture())
    between = "' is not allowed. "
    hostile = " value '" * 20_000 + between * 20_000
    value = hostile[8:].partition(between)[0]
    assert translator.rephrase(hostile, "de", "de") == f": der Wert '{value}' ist nicht erlaubt. {between * 19_999}"


def test_core_has_each_text_once_with_both_languages() -> None:
    rows = [line.split(" | ") for line in _TEXTS.splitlines()]
    assert [row for row in rows if len(row) not in {2, 3} or not all(row) or row[-1] == row[-2]] == []
    keys = [row[0] for row in rows]
    assert len(keys) == len(set(keys))
    used = {form for _, form in messages()}
    assert [code for code in WireCode if code not in keys] == []
    assert used


def codes_of_generic() -> set[str]:
    """Every code that generic sends, as it stands in its source."""
    found: set[str] = set()
    for path in python_files(ROOT, "generic/libs", "generic/controllers"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                texts = [arg for value in node.args for arg in ast.walk(value) if isinstance(arg, ast.Constant)]
                if name in {*HTTP_ERRORS, "forbidden", "unauthorized", "t"}:
                    found |= {
                        str(arg.value)
                        for arg in texts
                        if isinstance(arg.value, str) and re.fullmatch(r"[A-Z]+[a-z]\w+", arg.value)
                    }
                for keyword in node.keywords:
                    if keyword.arg == "responses":
                        values = [arg.value for arg in ast.walk(keyword.value) if isinstance(arg, ast.Constant)]
                        found |= {value for value in values if isinstance(value, str) and value != "Success"}
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
                values = [arg.value for arg in ast.walk(node.value) if isinstance(arg, ast.Constant)]
                found |= {value for value in values if isinstance(value, str)}
    return found


def test_every_code_of_generic_has_a_text_in_both_languages() -> None:
    texts, codes = generic_texts.texts, codes_of_generic()
    assert {"KeyInvalid", "KeyReplayed", "RateLimitExceededForKey", "SessionTokenNotValid"} <= codes
    assert sorted(code for code in codes if code not in texts and code not in set(WireCode)) == []
    assert [code for code, text in texts.items() if set(text) != {"en", "de"} or text["en"] == text["de"]] == []
