"""Settings: where values come from, what is refused, and what is never printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.load.configuration import describe_settings, list_modes, load_settings
from core.settings import LOCAL, Secret, ServerSettings
from tests.applications import write_files

pytestmark = pytest.mark.usefixtures("own_imports")

HEAD = "from core.settings import *\n"
URL = "mongodb://db.example.com/app"


def load(root: Path, text: str, mode: str = "local", **files: str) -> ServerSettings:
    write_files(root, {f"config/{mode}.py": f"{HEAD}settings = ServerSettings({text})\n"})
    write_files(root, {f"config/{name}.py": content for name, content in files.items()})
    return load_settings(mode, root)


def refused(root: Path, text: str, mode: str = "local", **files: str) -> list[str]:
    with pytest.raises(ExceptionGroup) as caught:
        load(root, text, mode, **files)
    return [str(error) for error in caught.value.exceptions]


def origins(settings: ServerSettings) -> dict[str, tuple[str, str]]:
    return {name: (value, origin) for name, value, origin in describe_settings(settings, "local", {})}


def test_defaults_need_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "") == ServerSettings()


def test_a_mode_builds_on_a_sibling(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "config/base.py": f'{HEAD}base = ServerSettings(databases={{"main": Mongo(url=env("CATENA_TEST_URL", default=LOCAL))}})\n',
            "config/local.py": "from dataclasses import replace\nfrom config.base import base\nsettings = replace(base, workers=2)\n",
        },
    )
    settings = load_settings("local", tmp_path)
    assert settings.workers == 2
    assert settings.databases["main"].url is LOCAL


def test_each_root_has_its_own_configuration(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        write_files(
            tmp_path / name,
            {
                "config/base.py": f"WORKERS = {workers}\n",
                "config/local.py": f"{HEAD}from config.base import WORKERS\nsettings = ServerSettings(workers=WORKERS)\n",
            },
        )
    assert [load_settings("local", tmp_path / name).workers for name in ("one", "two", "one")] == [1, 2, 1]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert load(tmp_path, "workers=1").workers == 1
    assert load(tmp_path, "workers=12345").workers == 12345


ENVIRONMENT = [
    ("workers=env('CATENA_TEST_X', 1)", "3", "workers", 3),
    ("timeouts=Timeouts(request_s=env('CATENA_TEST_X'))", "2.5", "timeouts.request_s", 2.5),
    ("timeouts=Timeouts(request_s=env('CATENA_TEST_X'))", "2", "timeouts.request_s", 2.0),
    ("public_url=env('CATENA_TEST_X')", "https://x.example", "public_url", "https://x.example"),
    ("log=Log(level=env('CATENA_TEST_X'))", "warn", "log.level", "warn"),
    ("culture=Culture(language=env('CATENA_TEST_X', 'en'))", "", "culture.language", "en"),
    ("cron=CronSettings(allowed_hosts=env('CATENA_TEST_X'))", "a, b", "cron.allowed_hosts", ("a", "b")),
    ("databases={'main': Mongo(url=env('CATENA_TEST_X', LOCAL))}", URL, "databases.main.url", URL),
    ("default_output=('a', '1.0'), default_errors=env('CATENA_TEST_X')", "b,2.0", "default_errors", ("b", "2.0")),
    ("projects={'demo': {'title': env('CATENA_TEST_X')}}", "A title", "projects.demo.title", "A title"),
    ("projects={'demo': {'deep': {'list': [env('CATENA_TEST_X')]}}}", "x", "projects.demo.deep", {"list": ["x"]}),
    *[
        ("docs=Docs(enabled=env('CATENA_TEST_X'))", word, "docs.enabled", True)
        for word in ("true", "1", "Yes", "ON", "y")
    ],
    *[
        ("docs=Docs(enabled=env('CATENA_TEST_X'))", word, "docs.enabled", False)
        for word in ("false", "0", "no", "Off", "n")
    ],
]


@pytest.mark.parametrize(
    ("text", "value", "name", "expected"), ENVIRONMENT, ids=[f"{row[2]}={row[1]}" for row in ENVIRONMENT]
)
def test_a_variable_is_converted(text: str, value: str, name: str, expected, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CATENA_TEST_X", value)
    found = load(tmp_path, text)
    for part in name.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == expected and type(found) is type(expected)


REFUSED = [
    ("workers=env('CATENA_TEST_X', 1)", "many", "workers: env CATENA_TEST_X: must be a whole number, not 'many'"),
    ("workers=env('CATENA_TEST_X', 1)", "0", "workers: env CATENA_TEST_X: must be at least 1, not 0"),
    ("workers=env('CATENA_TEST_X')", "", "workers: config/local.py:2: set the environment variable CATENA_TEST_X"),
    (
        "docs=Docs(enabled=env('CATENA_TEST_X'))",
        "maybe",
        "docs.enabled: env CATENA_TEST_X: must be True or False or None, not 'maybe'",
    ),
    (
        "log=Log(level=env('CATENA_TEST_X'))",
        "inf",
        "log.level: env CATENA_TEST_X: must be one of 'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'none', not 'inf' (did you mean 'info')",
    ),
    ("listen=env('CATENA_TEST_X')", "80", "listen: env CATENA_TEST_X: a list cannot come from an environment variable"),
    (
        "timeouts=Timeouts(request_s=env('CATENA_TEST_X'))",
        "nan",
        "timeouts.request_s: env CATENA_TEST_X: must be over 0, not nan",
    ),
    ("workers=True", "", "workers: config/local.py:2: must be a whole number, not True"),
    ("workers=None", "", "workers: config/local.py:2: must be a whole number, not None"),
    ("public_url=5", "", "public_url: config/local.py:2: must be a text, not 5"),
    ("public_url='example.com'", "", "public_url: config/local.py:2: must start with http:// or https://"),
    ("log='info'", "", "log: config/local.py:2: must be Log, not 'info'"),
    (
        "log=Log(level=3)",
        "",
        "log.level: config/local.py:2: must be one of 'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'none', not 3",
    ),
    ("listen=Http()", "", "listen: config/local.py:2: must be a list, not a value of type Http"),
    ("listen=[Http(port=99999)]", "", "listen.0.port: config/local.py:2: must be between 0 and 65535, not 99999"),
    ("listen=[Http(), Http()]", "", "listen: config/local.py:2: two listeners share a port"),
    ("listen=['80']", "", "listen.0: config/local.py:2: must be Http or Https, not '80'"),
    (
        "databases=['x']",
        "",
        "databases: config/local.py:2: must be a dict with texts as keys, not a value of type list",
    ),
    (
        "databases={1: Mongo()}",
        "",
        "databases: config/local.py:2: must be a dict with texts as keys, not a value of type dict",
    ),
    (
        "databases={'main': Mongo(url=5)}",
        "",
        "databases.main.url: config/local.py:2: must be a text or Secret or LOCAL, not 5",
    ),
    (
        "databases={'main': Mongo(url='http://user:pass@x')}",
        "",
        "databases.main.url: config/local.py:2: must start with mongodb:// or mongodb+srv://",
    ),
    ("default_database='main'", "", "default_database: config/local.py:2: 'main' is no database (databases has [])"),
    (
        "default_output=('a',)",
        "",
        "default_output: config/local.py:2: must be tuple[str, str] or None, not a value of type tuple",
    ),
    ("default_output='a'", "", "default_output: config/local.py:2: must be tuple[str, str] or None, not 'a'"),
    ("hosts=[Host('a', names=[])]", "", "hosts.0.names: config/local.py:2: needs at least one name"),
    (
        "hosts=[Host('a', names=['x']), Host('a', names=['y'])]",
        "",
        "hosts.1.id: config/local.py:2: must be unique and not empty",
    ),
    (
        "hosts=[Host('a', names=['x'], listeners=['https'])]",
        "",
        "hosts.0.listeners: config/local.py:2: listeners are named http",
    ),
    ("listen=[Https([])]", "", "listen.0.certificates: config/local.py:2: needs at least one Certificate"),
    (
        "listen=[Http(redirect=True)]",
        "",
        "listen.0.redirect: config/local.py:2: there is no Https listener; give redirect_port",
    ),
    (
        "trusted_proxies=['10.0.0.1', '10.0.0.0/33']",
        "",
        "trusted_proxies.1: config/local.py:2: must be an address, or a network such as 10.0.0.0/8",
    ),
    ("overload=Overload(max_lag_ms=0)", "", "overload.max_lag_ms: config/local.py:2: must be at least 1, not 0"),
    ("hosts=[Host(5, names=['x'])]", "", "hosts.0.id: config/local.py:2: must be a text, not 5"),
    ("culture=Culture(language='xx', region=None)", "", "culture.region: config/local.py:2: must be a text, not None"),
]


@pytest.mark.parametrize(("text", "value", "expected"), REFUSED, ids=[f"{row[0]} {row[1]}" for row in REFUSED])
def test_a_wrong_value_is_named(text: str, value: str, expected: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CATENA_TEST_X", value)
    assert refused(tmp_path, text) == [expected]


def test_a_secret_is_made_where_only_a_secret_fits(monkeypatch) -> None:
    from core.load.convert import Converter
    from core.settings import Env

    monkeypatch.setenv("CATENA_TEST_X", "s3cret")
    found: list[str] = []
    converter = Converter(lambda name, message: found.append(f"{name} {message}"))
    assert converter.convert(Env("CATENA_TEST_X", None, True), Secret, "key") == Secret("s3cret")
    assert converter.convert(Env("CATENA_TEST_X", None, True), Secret | None, "key") == Secret("s3cret")
    assert converter.convert(5, Secret, "key") is not None
    assert found == ["key must be Secret, not 5"]


def test_long_texts_and_secrets_are_not_shown(tmp_path: Path) -> None:
    found = refused(tmp_path, f"workers='{'x' * 50}', databases={{'main': Mongo(pool_size='s3cret', url=b's3cret')}}")
    assert found[0].endswith("not a text")
    assert found[2].endswith("not 's3cret'") or "s3cret" not in found[1]
    assert "s3cret" not in found[1]


PRODUCTION = [
    ("debug=True", "debug: config/production.py:2: must be off in mode production: it shows the inside to clients"),
    (
        f"databases={{'main': Mongo(url='{URL}?w=1')}}",
        "databases.main.url: config/production.py:2: w=0 and w=1 lose writes when a primary fails; use w=majority",
    ),
    (
        "databases={'main': Mongo()}",
        "databases.main.url: config/production.py:2: LOCAL is for the modes local and test; give a mongodb:// URL",
    ),
    (
        "databases={'main': Mongo(url=env('CATENA_TEST_X', LOCAL))}",
        "databases.main.url: config/production.py:2: LOCAL is for the modes local and test; give a mongodb:// URL",
    ),
]


@pytest.mark.parametrize(("text", "expected"), PRODUCTION, ids=[row[0][:40] for row in PRODUCTION])
def test_production_refuses(text: str, expected: str, tmp_path: Path) -> None:
    assert refused(tmp_path, text, "production") == [expected]
    load(tmp_path, text, "test")


def test_production_accepts_a_secret_url_and_majority(tmp_path: Path) -> None:
    settings = load(tmp_path, f"databases={{'main': Mongo(url=Secret('{URL}?w=majority'))}}", "production")
    assert origins(settings)["databases.main.url"] == ("***", "config/production.py")


def test_origins_tell_where_a_value_comes_from(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(
        "CATENA_TEST_X", "mongodb://user:p@ss@host/db?authMechanismProperties=AWS_SESSION_TOKEN:abc&w=majority"
    )
    text = "databases={'main': Mongo(url=env('CATENA_TEST_X'))}, workers=2, projects={'x': {'api_key': 'k', 'n': 1}}"
    found = origins(load(tmp_path, text))
    assert found["databases.main.url"] == (
        "mongodb://user:***@host/db?authMechanismProperties=***&w=majority",
        "env CATENA_TEST_X",
    )
    assert found["workers"] == ("2", "config/local.py")
    assert found["timeouts.request_s"] == ("15.0", "default")
    assert found["listen.0.port"] == ("3000", "default")
    assert found["projects.x.api_key"] == ("***", "config/local.py")
    assert found["projects.x.n"] == ("1", "config/local.py")
    assert found["hosts"] == ("[]", "default")
    assert not any("origins" in name for name in found)


def test_lists_and_empty_dicts_are_described(tmp_path: Path) -> None:
    found = origins(load(tmp_path, "cron=CronSettings(allowed_hosts=['a', 'b'])"))
    assert found["cron.allowed_hosts"] == ("[a, b]", "config/local.py")
    assert found["databases"] == ("{}", "default")


def test_values_changed_later_keep_the_mode_as_origin() -> None:
    assert origins(ServerSettings(workers=3))["workers"] == ("3", "config/local.py")


MASKED = [
    ("mongodb://host/db", "mongodb://host/db"),
    ("mongodb://user:secret@host/db", "mongodb://user:***@host/db"),
    ("mongodb+srv://user:se:cr@et@host", "mongodb+srv://user:***@host"),
    ("mongodb://h/?tlsCertificateKeyFilePassword=x&a=1", "mongodb://h/?tlsCertificateKeyFilePassword=***&a=1"),
    ("plain text", "plain text"),
]


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_urls_are_described_without_secrets(text: str, expected: str, tmp_path: Path) -> None:
    found = origins(load(tmp_path, f"docs=Docs(description={text!r})"))
    assert found["docs.description"] == (expected, "config/local.py")


def test_modes_are_the_files_that_assign_settings(tmp_path: Path) -> None:
    files = {
        "base": "settings = 1\n",
        "translations": "settings = 1\n",
        "local": "settings = 1\n",
        "typed": "settings: int = 1\n",
        "other": "x = y = 2\n",
        "broken": "settings = (\n",
        "two-words": "settings = 1\n",
    }
    write_files(tmp_path, {f"config/{name}.py": text for name, text in files.items()})
    assert list_modes(tmp_path) == ["broken", "local", "typed"]


MODES = [
    ("locl", "mode: there is no config/locl.py; modes are: local (did you mean 'local')"),
    ("../etc", "mode: there is no config/../etc.py; modes are: local"),
    ("other", "config/other.py: must assign settings = ServerSettings(…)"),
    ("broken", "config/broken.py:1: SyntaxError: '(' was never closed"),
    (
        "typo",
        "config/typo.py:2: TypeError: ServerSettings.__init__() got an unexpected keyword argument 'worker' (did you mean 'workers')",
    ),
    ("raising", "config/raising.py:1: ZeroDivisionError: division by zero"),
]


@pytest.mark.parametrize(("mode", "expected"), MODES, ids=[row[0] for row in MODES])
def test_a_mode_that_cannot_be_loaded(mode: str, expected: str, tmp_path: Path) -> None:
    files = {
        "local": f"{HEAD}settings = ServerSettings()\n",
        "other": "x = 1\n",
        "broken": "settings = (\n",
        "typo": f"{HEAD}settings = ServerSettings(worker=1)\n",
        "raising": "1 / 0\n",
    }
    for name, text in files.items():
        if name in ("local", mode):
            write_files(tmp_path, {f"config/{name}.py": text})
    with pytest.raises(ExceptionGroup) as caught:
        load_settings(mode, tmp_path)
    assert [str(error) for error in caught.value.exceptions] == [expected]


def test_no_configuration_at_all(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        load_settings("local", tmp_path)
    assert str(caught.value.exceptions[0]) == "mode: there is no config/local.py; modes are: none"


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config" / "local.py").mkdir(parents=True)
    with pytest.raises(ExceptionGroup) as caught:
        load_settings("local", tmp_path)
    assert str(caught.value.exceptions[0]).startswith("config/local.py:1: ModuleNotFoundError")
