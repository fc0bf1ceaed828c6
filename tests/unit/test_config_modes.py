"""The modes of this repository: what each decides, and what production refuses."""

from __future__ import annotations

import pytest

from core.load.configuration import list_modes, load_settings
from core.settings import LOCAL, ServerSettings
from tests.tree import ROOT

VARIABLES = (
    "CATENA_MONGO_URL", "CATENA_PORT", "CATENA_WORKERS", "CATENA_PUBLIC_URL", "CATENA_DOCS", "CATENA_LOG_LEVEL",
)  # fmt: skip
URL = "mongodb://db.example.com/shop"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "CATENA_HOST"):
        monkeypatch.delenv(name, raising=False)


def load(mode: str) -> ServerSettings:
    return load_settings(mode, ROOT)


def problems_of(mode: str) -> list[str]:
    with pytest.raises(ExceptionGroup) as caught:
        load(mode)
    return [str(error) for error in caught.value.exceptions]


def test_there_are_three_modes() -> None:
    assert list_modes(ROOT) == ["local", "production", "test"]


@pytest.mark.parametrize(
    ("mode", "log_format", "debug", "cron"), [("local", "text", True, True), ("test", "text", False, False)]
)
def test_modes_that_need_nothing(mode: str, log_format: str, debug: bool, cron: bool) -> None:
    settings = load(mode)
    assert settings.databases["main"].url is LOCAL
    assert (settings.log.format, settings.debug, settings.cron.enabled) == (log_format, debug, cron)
    assert (settings.docs.enabled, settings.docs.title) == (None, "Catena")


def test_only_this_machine_reaches_a_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [listener.host for listener in load("local").listen] == ["127.0.0.1"]
    monkeypatch.setenv("CATENA_HOST", "0.0.0.0")
    assert [listener.host for listener in load("local").listen] == ["0.0.0.0"]


def test_production_needs_a_database() -> None:
    [problem] = problems_of("production")
    assert problem.startswith("databases.main.url: config/production.py:")
    assert problem.endswith(": set the environment variable CATENA_MONGO_URL")


def test_production_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATENA_MONGO_URL", URL)
    settings = load("production")
    assert settings.databases["main"].url == URL
    assert (settings.log.format, settings.debug, settings.cron.enabled) == ("json", False, True)
    assert (settings.docs.enabled, settings.public_url, settings.workers) == (False, "", 2)


def test_production_takes_the_rest_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (URL, "8080", "4", "https://api.example.com", "on", "warn")
    for name, value in zip(VARIABLES, values, strict=True):
        monkeypatch.setenv(name, value)
    settings = load("production")
    assert (settings.listen[0].port, settings.workers, settings.log.level) == (8080, 4, "warn")
    assert (settings.public_url, settings.docs.enabled) == ("https://api.example.com", True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CATENA_MONGO_URL", "db.example.com", "must start with mongodb:// or mongodb+srv://"),
        ("CATENA_MONGO_URL", f"{URL}?w=1", "lose writes"),
        ("CATENA_WORKERS", "many", "must be a whole number"),
        ("CATENA_DOCS", "perhaps", "must be True or False"),
        ("CATENA_PUBLIC_URL", "api.example.com", "must start with http:// or https://"),
        ("CATENA_LOG_LEVEL", "loud", "must be one of"),
    ],
)
def test_production_refuses(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv("CATENA_MONGO_URL", URL)
    monkeypatch.setenv(name, value)
    [problem] = problems_of("production")
    assert f"env {name}: " in problem
    assert message in problem
