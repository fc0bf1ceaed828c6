"""Two applications in one process keep their modules apart, and loading one again keeps its classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.tree import ROOT

CODE = """
import sys
from pathlib import Path
from projects.demo.config.settings import DemoSettings
from core.load.loader import load, project_folders

home, other = Path(sys.argv[1]), Path(sys.argv[2])
for root in (other, home, other, home):
    loaded = load([path for path in project_folders(root) if path.name in ("demo", "kitchen")], root)
assert loaded.registry.get("settings", "demo-config") is DemoSettings
"""


def test_loading_another_application_keeps_the_classes_of_the_first() -> None:
    other = ROOT / "tests" / "acceptance" / "root"
    assert Path(other / "projects" / "kitchen").is_dir()
    run = subprocess.run(
        [sys.executable, "-c", CODE, str(ROOT), str(other)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
