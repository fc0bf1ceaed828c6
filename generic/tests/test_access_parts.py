"""What stands around the signatures: sealed keys, addresses, User-Agents, profiles, caches. No database."""

from __future__ import annotations

import ast
import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from core import ConfigError
from generic.libs import aged_cache
from generic.libs.addresses import is_within, network_of, parse_address
from generic.libs.aged_cache import AgedCache
from generic.libs.instants import as_time
from generic.libs.profile import (
    AppProfile,
    CultureProfile,
    DeviceProfile,
    HardwareProfile,
    ScreenProfile,
    SystemProfile,
    build_changes,
    nest,
)
from generic.libs.sealing import Sealer, make_sealer
from generic.libs.user_agent import read_group, read_system

ONE, TWO = "one secret that is long enough to seal", "two secrets that are long enough to seal"


def test_a_sealed_text_opens_for_its_owner_only() -> None:
    sealer = Sealer([ONE])
    sealed = sealer.seal("key", "a.1")
    assert "key" not in sealed
    assert sealer.open(sealed, "a.1") == "key"
    assert sealer.open(sealed, "b.1") is None
    assert sealer.seal("key", "a.1") != sealed


def test_SIG_10_an_older_secret_goes_on_opening() -> None:
    sealed = Sealer([ONE]).seal("key", "a.1")
    assert Sealer([TWO, ONE]).open(sealed, "a.1") == "key"
    assert Sealer([TWO]).open(sealed, "a.1") is None


@pytest.mark.parametrize("sealed", ["", "sealed", "sealed.x.y", "plain", "sealed.00000000.AAAA"])
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    assert Sealer([ONE]).open(sealed, "a.1") is None


def test_a_sealed_text_that_was_changed_does_not_open() -> None:
    sealed = Sealer([ONE]).seal("key", "a.1")
    head, name, text = sealed.split(".")
    for at in range(len(text.rstrip("=")) - 1):  # the last one has bits that stand for nothing
        other = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        assert Sealer([ONE]).open(f"{head}.{name}.{other}", "a.1") is None


def test_a_short_sealing_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError, match="32 characters") as caught:
        make_sealer("tooshort", "production")
    assert "tooshort" not in str(caught.value)


def test_only_local_and_test_seal_without_a_setting() -> None:
    assert [make_sealer("", mode).can_seal for mode in ("local", "test", "production", "staging")] == [
        True, True, False, False,
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="sealing_secret"):
        make_sealer("", "production").seal("a", "b")


ADDRESSES = [
    pytest.param("10.1.2.3", ["10.0.0.0/8"], True, id="in a network"),
    pytest.param("11.1.2.3", ["10.0.0.0/8"], False, id="outside"),
    pytest.param("10.1.2.3", [], False, id="no networks"),
    pytest.param("::ffff:10.1.2.3", ["10.0.0.0/8"], True, id="IPv4-mapped address"),
    pytest.param("10.1.2.3", ["::ffff:10.0.0.0/104"], True, id="IPv4-mapped network"),
    pytest.param("2001:db8::1", ["2001:db8::/32"], True, id="IPv6"),
    pytest.param("2001:db8::1", ["0.0.0.0/0"], False, id="IPv6 is not in IPv4"),
    pytest.param("fe80::1%eth0", ["fe80::/10"], True, id="zone"),
    pytest.param("10.1.2.3", ["10.1.2.9/24"], True, id="host bits set"),
    pytest.param("10.1.2.3", ["nonsense", "10.0.0.0/33"], False, id="no network at all"),
]


@pytest.mark.parametrize(("address", "networks", "expected"), ADDRESSES)
def test_address_in_networks(address: str, networks: list[str], expected: bool) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    assert is_within(parsed, networks) is expected


@pytest.mark.parametrize("text", ["", "unix", "1.2.3", "1.2.3.4.5", "10.0.0.1, 10.0.0.2"])
def test_what_is_no_address(text: str) -> None:
    assert parse_address(text) is None


def test_the_network_of_a_session() -> None:
    assert network_of(ip_address("10.1.2.3")) == "10.1.2.3/32"
    assert network_of(ip_address("2001:db8:1:2:3::4")) == "2001:db8:1:2::/64"


IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_2_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
AGENTS = [
    pytest.param(IPHONE, "phone", "ios", "15.2.1", id="iPhone"),
    pytest.param("Mozilla/5.0 (iPad; CPU OS 9_3 like Mac OS X) Safari/601.1", "tablet", "ios", "9.3", id="iPad"),
    pytest.param("Mozilla/5.0 (iPad; CPU OS 9_3) Mobile/13E", "phone", "ios", "9.3", id="Mobile wins, as in mia.js"),
    pytest.param("Mozilla/5.0 (Linux; Android 12; Pixel) Mobile Safari", "phone", "android", "12", id="Android phone"),
    pytest.param("Mozilla/5.0 (Linux; Android 7.1.2; Tab) Safari", "tablet", "android", "7.1.2", id="Android tablet"),
    pytest.param("Mozilla/5.0 (Windows Phone 10.0; Android 4.2.1)", "phone", "windows phone", "10.0", id="Windows"),
    pytest.param("Mozilla/5.0 (Linux; U; Kindle Fire)", "tablet", "", "", id="Kindle"),
    pytest.param("curl/8.5.0", "desktop", "", "", id="others"),
]


@pytest.mark.parametrize(("agent", "group", "system", "version"), AGENTS)
def test_user_agent(agent: str, group: str, system: str, version: str) -> None:
    assert (read_group(agent), *read_system(agent)) == (group, system, version)


def test_a_profile_is_what_was_given_and_what_follows() -> None:
    profile = DeviceProfile(
        culture=CultureProfile(code="EN-US"),
        app=AppProfile(id="My App Id", version="1.2.3"),
        device=HardwareProfile(screen=ScreenProfile(resolution="1920x1080"), group="tv"),
    )
    assert build_changes(profile, IPHONE) == {
        "culture.language": "en",
        "culture.region": "us",
        "app.id": "myapp id",
        "app.version": "1.2.3",
        "device.screen.height": 1920,
        "device.screen.width": 1080,
        "device.group": "tv",
        "device.os.type": "ios",
        "device.os.version": "15.2.1",
        "device.userAgent": IPHONE,
    }


def test_a_given_system_is_not_mixed_with_a_derived_version() -> None:
    changes = build_changes(DeviceProfile(device=HardwareProfile(os=SystemProfile(type="tizen"))), IPHONE)
    assert (changes["device.os.type"], "device.os.version" in changes) == ("tizen", False)


def test_nothing_given_changes_nothing() -> None:
    assert build_changes(DeviceProfile(), None) == {}


def test_dotted_names_as_a_document() -> None:
    assert nest({"a.b.c": 1, "a.b.d": 2, "e": 3}) == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}


@pytest.mark.parametrize("stored", [None, "x", True, -1, float("nan"), 2**60])
def test_what_is_no_time(stored: Any) -> None:
    assert as_time(stored) is None


def test_a_number_of_milliseconds_is_a_time() -> None:
    assert str(as_time(1420070400000)) == "2015-01-01 00:00:00+00:00"


class Store:
    """What a cache reads, and how often it was asked."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {"a": "1"}
        self.reads = 0

    async def read(self, key: str) -> str | None:
        self.reads += 1
        return self.values.get(key)


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the cache, to be moved."""
    at = [100.0]
    monkeypatch.setattr(aged_cache, "monotonic", lambda: at[0])
    return at


async def test_a_cache_is_bounded_in_age(tick: list[float]) -> None:
    store = Store()
    cache = AgedCache(store.read)
    assert [await cache.get("a"), await cache.get("a"), store.reads] == ["1", "1", 1]
    store.values["a"] = "2"
    tick[0] += 3.9
    assert await cache.get("a") == "1"
    tick[0] += 0.2
    assert await cache.get("a") == "2"


async def test_what_is_not_there_is_remembered_for_a_moment(tick: list[float]) -> None:
    store = Store()
    cache = AgedCache(store.read)
    assert [await cache.get("b"), await cache.get("b"), store.reads] == [None, None, 1]
    store.values["b"] = "3"
    tick[0] += 1.1
    assert await cache.get("b") == "3"


async def test_a_cache_is_bounded_in_size_and_guesses_push_out_nobody(tick: list[float]) -> None:
    store = Store()
    cache = AgedCache(store.read, size=10)
    await cache.get("a")
    for number in range(100):
        await cache.get(f"guess{number}")
    assert (len(cache._absent), store.reads) == (10, 101)
    await cache.get("a")
    assert store.reads == 101
    store.values = {str(number): "x" for number in range(100)}
    for number in range(100):
        await cache.get(str(number))
    assert len(cache._known) == 10


async def test_a_forgotten_value_is_read_anew(tick: list[float]) -> None:
    store = Store()
    cache = AgedCache(store.read)
    await cache.get("a")
    cache.forget("a")
    await cache.get("a")
    assert store.reads == 2


async def test_those_who_ask_at_the_same_time_share_one_question(tick: list[float]) -> None:
    store = Store()
    cache = AgedCache(store.read)
    assert await asyncio.gather(*(cache.get("a") for _ in range(20))) == ["1"] * 20
    assert (store.reads, cache._asking) == (1, {})


async def test_a_question_that_fails_fails_for_all_and_is_asked_again(tick: list[float]) -> None:
    failures = [OSError("down")]

    async def read(key: str) -> str | None:
        await asyncio.sleep(0)
        if failures:
            raise failures.pop()
        return "1"

    cache = AgedCache(read)
    found = await asyncio.gather(cache.get("a"), cache.get("a"), return_exceptions=True)
    assert [str(one) for one in found] == ["down", "down"]
    assert await cache.get("a") == "1"


async def test_who_goes_away_takes_nothing_from_the_others(tick: list[float]) -> None:
    store, gate = Store(), asyncio.Event()

    async def read(key: str) -> str | None:
        await gate.wait()
        return await store.read(key)

    cache = AgedCache(read)
    first, second = (asyncio.create_task(cache.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == "1"


SECRET_NAMES = {
    "digest",
    "expected",
    "hexdigest",
    "mac",
    "passwd",
    "password",
    "sealed",
    "secret",
    "signature",
    "token",
}
#: in the rooms where keys are at home, this is one
KEY_NAMES = SECRET_NAMES | {"key", "session", "signed", "text"}
KEY_FILES = {
    "access_key.py",
    "session.py",
    "verify.py",
    "sealing.py",
    "signature_v1.py",
    "signature_v2.py",
    "message_signature.py",
}


def find_comparisons(text: str, names: set[str]) -> list[str]:
    """Comparisons by operator of anything that bears, or ends in, one of the names."""

    def is_secret(node: ast.expr) -> bool:
        node = node.func if isinstance(node, ast.Call) else node
        node = node.value if isinstance(node, ast.Subscript) else node
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        return name in names or name.rpartition("_")[2] in names

    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops)
        and any(is_secret(operand) for operand in (node.left, *node.comparators))
    ]


@pytest.mark.parametrize(
    "line",
    [
        "signature == sent", "a.expected != b", "token in tokens", "x if h.hexdigest() == y else z", "body_digest == d",
        "secret.text == given", "not (sent == one.session_token)", "key[74:] == other", "known.key in keys",
        "secret.text in texts",
    ],
)  # fmt: skip
def test_SIG_4_the_reading_of_the_source_sees(line: str) -> None:
    assert find_comparisons(line, KEY_NAMES)


def test_SIG_4_digests_and_keys_are_never_compared_with_operators() -> None:
    """A reading of the whole source: what is secret goes through `compare_digest`; a query finds what is looked up."""
    root = Path(__file__).parents[2]
    files = [path for part in ("core", "generic", "projects") for path in (root / part).rglob("*.py")]
    wrong = [
        f"{path.relative_to(root)}:{found}"
        for path in files
        if "tests" not in path.parts
        for found in find_comparisons(path.read_text(), KEY_NAMES if path.name in KEY_FILES else SECRET_NAMES)
    ]
    assert wrong == []
    assert len(files) > 100
