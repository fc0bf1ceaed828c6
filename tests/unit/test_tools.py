"""A missing program is a skip here and a failure in CI."""

from __future__ import annotations

import sys

import pytest

from tests.tools import PROGRAMS, child_environment, require_tool


@pytest.fixture(name="no_programs")
def _no_programs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CATENA_REQUIRE_ALL", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_missing_program_skips_with_its_package(name, no_programs) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"needs {name} .Debian package {PROGRAMS[name][1]}."):
        require_tool(name)


def test_a_missing_program_fails_where_all_are_required(no_programs, monkeypatch) -> None:
    monkeypatch.setenv("CATENA_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="needs wrk"):
        require_tool("wrk")


def test_a_program_is_found_under_its_other_name(no_programs) -> None:
    (no_programs / "chromium-browser").symlink_to(sys.executable)
    assert require_tool("chromium") == str(no_programs / "chromium-browser")


def test_measured_children_run_without_coverage(monkeypatch) -> None:
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "{}")
    environment = child_environment(CATENA_MODE="test")
    assert environment["CATENA_MODE"] == "test"
    assert not [name for name in environment if name.startswith("COVERAGE_PROCESS")]
