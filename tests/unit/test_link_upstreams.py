"""Upstreams and what names them, when they are linked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.applications import link_files, own_imports, report_files

__all__ = ["own_imports"]
pytestmark = pytest.mark.usefixtures("own_imports")

STEPS = """
from core import Context, Controller, Params, use, Path, Route, Routes

class Options(Params):
    upstream: str

    def check_options(self, upstreams):
        return "" if self.upstream in upstreams else f"unknown upstream '{self.upstream}'"

c = Controller("demo-c")

@c.all
async def call(ctx: Context, *, options: Options): ...
"""


def files(name: str, more: str = "") -> dict[str, str]:
    return {
        "projects/demo/config/upstreams.py": f'from core import Upstream, env\nx = Upstream("api", base_url=env("API_URL", "http://a/"))\n{more}',
        "projects/demo/controllers/c.py": STEPS,
        "projects/demo/routes/api.py": "from core import *\n"
        f'api = Routes(group="demo", paths=[Path("/x", get=Route("x", chain=[use("demo-c", options={{"upstream": "{name}"}})]))])\n',
    }


def test_an_upstream_takes_its_values_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_URL", "https://api.example.com/v1")
    (upstream,) = link_files(tmp_path, files("api")).upstreams
    assert (upstream.base_url, upstream.timeout_s) == ("https://api.example.com/v1", 10)


def test_options_that_name_no_upstream_are_a_load_error(tmp_path: Path) -> None:
    (line,) = report_files(tmp_path, files("aip"))
    assert line == "projects/demo/routes/api.py:2: the options of demo-c@1.0.all are wrong: unknown upstream 'aip'"


def test_an_upstream_of_a_file_that_failed_is_not_called_unknown(tmp_path: Path) -> None:
    lines = report_files(tmp_path, files("aip", "1 / 0"))
    assert [line for line in lines if "unknown" in line] == []


def test_a_disabled_upstream_is_not_there(tmp_path: Path) -> None:
    more = 'y = Upstream("other", base_url="http://b/", disabled=True)\n'
    assert "unknown upstream 'other'" in report_files(tmp_path, files("other", more))[0]
