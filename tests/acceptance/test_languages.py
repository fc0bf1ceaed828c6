"""The language of answers: what the request says, what is known of the device, the default."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.testing import TestApp, make_app
from generic.models.device import Device, DeviceCulture
from generic.models.secret import SharedSecret
from tests.signing import DEVICE_ID, SECRET, SECRET_ID, START, client


@pytest.fixture
async def app() -> AsyncIterator[TestApp]:
    async with make_app("projects/demo") as running:
        yield running


GERMAN = {"accept-language": "de-AT, en;q=0.5"}
ASKED = [
    ("GET", "/demo/v1/todo?limit=x", None, "limit is unexpected type. string given integer expected", "limit hat den falschen Typ: string statt integer"),
    ("GET", "/demo/v1/todo?limit=0", None, "limit value is less than 1", "limit ist kleiner als 1"),
    ("POST", "/demo/v1/todo", {}, "name is required but invalid value or no value given", "name ist notwendig, fehlt aber oder ist ungültig"),
    ("POST", "/demo/v1/todo", {"name": "x" * 99}, "name length is more than 64 chars", "name hat mehr als 64 Zeichen"),
    ("POST", "/demo/v1/todo", {"$where": 1}, "A key starts with $, contains NUL, or is a reserved name.", "Ein Schlüssel beginnt mit $, enthält NUL oder ist ein reservierter Name."),
    ("GET", "/nowhere", None, "There is nothing here.", "Hier gibt es nichts."),
    ("DELETE", "/demo/v1/todo", None, "This method does not exist here.", "Diese Methode gibt es hier nicht."),
    ("GET", f"/{'x' * 9000}", None, "The request target is longer than 8192 bytes.", "Die Adresse der Anfrage ist länger als 8192 Bytes."),
    ("GET", "/%2f", None, "The target is no path, or contains an incomplete escape, an escaped slash or backslash.", "Die Adresse ist kein Pfad, oder sie enthält eine unvollständige Kodierung, einen kodierten Schrägstrich oder Rückstrich."),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "english", "german"), ASKED, ids=[case[4][:30] for case in ASKED])
async def test_errors_in_both_languages(
    app: TestApp, method: str, path: str, body: object, english: str, german: str
) -> None:
    more = {} if body is None else {"json": body}
    for headers, text in (
        ({}, english),
        (GERMAN, german),
        ({"culture.code": "de-de"}, german),
        ({"accept-language": "fr"}, english),
    ):
        reply = await app.client.request(method, path, headers=headers, **more)
        said = [item["msg"] for item in reply.json()["errors"]]
        is_unread = len(path) > 8192 or path == "/%2f"  # the gate has not looked at the headers yet
        assert said == [english if is_unread else text]


async def test_a_key_is_refused_in_the_language_of_the_request(app: TestApp) -> None:
    for headers, text in (
        ({}, "The key or signature is not valid."),
        (GERMAN, "Der Schlüssel oder die Signatur ist ungültig."),
    ):
        reply = await app.client.get("/demo-auth/v1/todo", headers={"key": "x", **headers})
        assert (reply.status, [item["msg"] for item in reply.json()["errors"]]) == (401, [text])


DEVICES = [
    (("de", "at"), {}, "Es gibt nichts zu entfernen."),
    (("en", "us"), {}, "There is nothing to remove."),
    (("de", "at"), {"accept-language": "en-US"}, "There is nothing to remove."),
    (("en", "us"), {"culture.code": "de-de"}, "Es gibt nichts zu entfernen."),
    (None, {}, "Es gibt nichts zu entfernen."),  # a device that never said is German, as in mia.js
]


@pytest.mark.parametrize(("culture", "headers", "text"), DEVICES)
async def test_the_culture_of_the_device_yields_to_that_of_the_request(
    culture: tuple[str, str] | None, headers: dict[str, str], text: str, mongo_url: str
) -> None:
    known = {} if culture is None else {"culture": DeviceCulture(language=culture[0], region=culture[1])}
    async with make_app("projects/demo", mongo=mongo_url, clock=lambda: START) as app:
        await app.db[SharedSecret].insert(SharedSecret(id=SECRET_ID, secret=SECRET, groups=["demo"]))
        await app.db[Device].insert(Device(id=DEVICE_ID, status="active", **known))
        path = "/demo-auth/v1/todo/0123456789abcdef01234567"
        url = f"http://testserver{path}"
        key = client.sign_v1(DEVICE_ID, SECRET_ID, SECRET, "DELETE", url, b"", int(START.timestamp()))
        reply = await app.client.delete(path, headers={"key": key, **headers})
        assert (reply.status, [item["msg"] for item in reply.json()["errors"]]) == (404, [text])


VARYING = ["accept-language", "culture.code"]
ANSWERS = [("/demo/v1/todo?limit=x", VARYING), ("/nowhere", VARYING), ("/demo/v1/todo", [])]


@pytest.mark.parametrize(("path", "names"), ANSWERS)
async def test_shared_caches_keep_answers_with_texts_by_language(app: TestApp, path: str, names: list[str]) -> None:
    reply = await app.client.get(path, headers={"accept-encoding": "identity"})
    said = reply.headers.get("vary", "").replace(" ", "").split(",")
    assert [name for name in said if name in VARYING] == names
