"""The repository as a whole: lock file, version, folders, and hosts that must not be named.

`make check` runs this file on its own: it is the check that the lock belongs to `pyproject.toml`, and needs
no network for it.
"""

from __future__ import annotations

import gzip
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tree import ROOT, tracked_files

FOLDERS = {"config", "projects", "generic", "core", "tests", "docs", ".ci"}
FILES = {
    "server.py",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "Dockerfile",
    "pyproject.toml",
    "requirements.lock",
}

# Name servers of package registries. In two parts each, or this file would name them.
REGISTRY_HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "un" + "pkg.com",
    "js" + "delivr.net",
    "cdn" + "js.com",
    "deb" + ".debian.org",
    "archive" + ".ubuntu.com",
    "proxy.go" + "lang.org",
    "crates" + ".io",
    "docker" + ".io",
    "gh" + "cr.io",
    "qu" + "ay.io",
    "mav" + "en.org",
    "rubyg" + "ems.org",
    "ana" + "conda.org",
]

VERSION_HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (?:Unreleased|\d{4}-\d\d-\d\d)$", re.MULTILINE)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def parse_lock(text: str) -> dict[str, list[tuple[Requirement, list[str]]]]:
    """Package → its pins with their hashes; a package may have one pin per platform."""
    pins: dict[str, list[tuple[Requirement, list[str]]]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin, *hashes = re.split(r"\s+--hash=", line.strip())
            requirement = Requirement(pin)
            pins.setdefault(canonicalize_name(requirement.name), []).append((requirement, hashes))
    return pins


def find_unlocked(direct: list[Requirement], lock: dict[str, list[tuple[Requirement, list[str]]]]) -> list[str]:
    """Direct dependencies that the lock misses, or pins to a version they do not admit."""
    problems: list[str] = []
    for requirement in direct:
        pins = lock.get(canonicalize_name(requirement.name), [])
        versions = [next(iter(pin.specifier)).version for pin, _ in pins]
        if not pins:
            problems.append(f"{requirement.name} is not in the lock")
        elif not all(requirement.specifier.contains(version, prereleases=True) for version in versions):
            problems.append(f"the lock has {requirement.name} {', '.join(versions)}, wanted {requirement.specifier}")
    return problems


def find_hosts(files: list[Path], hosts: list[str]) -> list[str]:
    """Files that name one of the hosts, in text, in binary and in compressed content."""
    pattern = re.compile("|".join(map(re.escape, hosts)).encode(), re.IGNORECASE)
    return [f"{path.name}: {match.group().decode()}" for path in files for match in pattern.finditer(_content(path))]


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def direct_dependencies() -> list[Requirement]:
    extras = project()["optional-dependencies"]
    return [Requirement(text) for texts in [project()["dependencies"], *extras.values()] for text in texts]


def lock_text() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_every_pin_is_exact_and_has_hashes() -> None:
    for name, pins in parse_lock(lock_text()).items():
        for requirement, hashes in pins:
            assert [item.operator for item in requirement.specifier] == ["=="], name
            assert hashes, name
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", item) for item in hashes), name


def test_the_lock_names_no_place() -> None:
    assert "://" not in lock_text()
    assert not re.search(r"^\s*(--?(index|extra|find|trusted)|-i\b|-f\b)", lock_text(), re.MULTILINE)


def test_the_lock_belongs_to_pyproject() -> None:
    assert find_unlocked(direct_dependencies(), parse_lock(lock_text())) == []


def test_platform_dependencies_keep_their_markers() -> None:
    # Without the marker, pip would look for a mongod wheel on Linux arm64, where there is none.
    lock = parse_lock(lock_text())
    for requirement in direct_dependencies():
        if requirement.marker:
            markers = [pin.marker for pin, _ in lock[canonicalize_name(requirement.name)]]
            assert all(markers), requirement.name
            for machine in ("x86_64", "aarch64", "arm64", "AMD64"):
                for system in ("linux", "darwin", "win32"):
                    place = {"sys_platform": system, "platform_machine": machine}
                    locked = any(marker.evaluate(place) for marker in markers if marker)
                    assert locked == requirement.marker.evaluate(place), (requirement.name, place)


def test_no_registry_is_named() -> None:
    assert find_hosts(tracked_files(), REGISTRY_HOSTS) == []


def test_no_machine_lock_is_tracked() -> None:
    assert {"uv.lock", "pylock.toml"} & {path.name for path in tracked_files()} == set()


def test_the_newest_version_of_the_changelog_is_ours() -> None:
    versions = VERSION_HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert versions[:1] == [project()["version"]]


def test_the_top_level_is_fixed() -> None:
    places = [path.relative_to(ROOT) for path in tracked_files()]
    assert {place.parts[0] for place in places if len(place.parts) > 1} == FOLDERS
    files = {place.name for place in places if len(place.parts) == 1}
    assert {name for name in files if not name.startswith(".")} == FILES


LOCK = """\
one==1.2 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via catena
Two_Three==3.0 ; sys_platform == 'linux'
"""


def test_parsing_of_a_lock() -> None:
    lock = parse_lock(LOCK)
    assert {name: [hashes for _, hashes in pins] for name, pins in lock.items()} == {
        "one": [["sha256:aa", "sha256:bb"]],
        "two-three": [[]],
    }


@pytest.mark.parametrize(
    ("wanted", "problems"),
    [
        ("one>=1.1", []),
        ("two.three[extra]>=2", []),
        ("one>=2", ["the lock has one 1.2, wanted >=2"]),
        ("four", ["four is not in the lock"]),
    ],
)
def test_comparison_with_a_lock(wanted: str, problems: list[str]) -> None:
    assert find_unlocked([Requirement(wanted)], parse_lock(LOCK)) == problems


def test_search_for_hosts(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("see https://Files.Example.test/simple")
    (tmp_path / "b.bin").write_bytes(b"\0\xffexample.test")
    (tmp_path / "c.md").write_text("example dot test")
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"example.test"))
    found = find_hosts(sorted(tmp_path.iterdir()), ["example.test"])
    assert found == ["a.md: Example.test", "b.bin: example.test", "d.gz: example.test"]
