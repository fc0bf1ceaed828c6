"""Runs the whole suite: what may run side by side, then what is marked `alone`, then coverage.

In: the `testpaths` of pyproject.toml. Out: pytest's own output, the coverage of `core` over both parts, and one summary
line for all of it at the very end. `make test` runs `python -m tests.suite`; a single test is better run with
`.venv/bin/pytest tests/unit/test_x.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Not part of `make test`: run by hand through targets of their own, or read by tests.
APART = {"tests/chaos", "tests/benchmarks", "tests/typing_errors"}
# In the order of `testpaths`, where slow files stand first, so that none is left over at the end.
PROCESSES = min((os.cpu_count() or 1) + 1, 5)  # tests wait a lot
SIDE_BY_SIDE = ["-m", "not alone", "-n", str(PROCESSES), "--dist=loadfile", "--no-loadscope-reorder"]
ALONE = ["-m", "alone"]

COVERAGE_PERCENT = 95
NO_TESTS = 5  # pytest's exit code

SUMMARY = re.compile(r"^=+ (?P<counts>.+) in [\d.]+s(?: \([\d:]+\))? =+$")
ORDER = ["failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warning", "error"]


def main() -> int:
    """Runs both parts, also when the first one fails; gives the exit code for make."""
    started = time.monotonic()
    check_folders()
    coverage("erase")
    total: Counter[str] = Counter()
    failed = False
    for options in (SIDE_BY_SIDE, ALONE):
        code, counts = run_pytest(options)
        total += counts
        failed = failed or code not in {0, NO_TESTS}
    failed = not is_covered() or failed
    if not total:
        sys.exit("no test ran")
    print_summary(total, time.monotonic() - started)
    return 1 if failed else 0


def check_folders() -> None:
    """A folder of tests that nobody runs would be a quiet lie."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    known = {*options["testpaths"], *APART}
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}
    if folders - known:
        sys.exit(f"tests/suite.py runs no tests of {', '.join(sorted(folders - known))}")


def run_pytest(arguments: list[str]) -> tuple[int, Counter[str]]:
    """Runs pytest under coverage, passes its output on, and keeps its summary line back for the total."""
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "--no-header", *arguments]
    counts: Counter[str] = Counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            found = parse_summary(line)
            counts += found
            if not found:
                print(line, end="", flush=True)
    if process.returncode not in {0, NO_TESTS} and not counts["failed"] + counts["error"]:
        counts["error"] += 1  # it broke before it could count
    return process.returncode, counts


def parse_summary(line: str) -> Counter[str]:
    """`== 3 passed, 1 skipped in 0.12s ==` as numbers; empty for any other line."""
    match = SUMMARY.match(line.strip())
    pairs = re.findall(r"(\d+) (\w+)", match["counts"]) if match else []
    counts = Counter({re.sub(r"^(warning|error)s$", r"\1", word): int(number) for number, word in pairs})
    return counts if set(counts) <= set(ORDER) else Counter()


def is_covered() -> bool:
    """Adds up the data of all processes and prints what is not covered."""
    coverage("combine", "--quiet")
    return coverage("report", f"--fail-under={COVERAGE_PERCENT}") == 0


def coverage(*arguments: str) -> int:
    """Runs a command of coverage; gives its exit code."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


def print_summary(total: Counter[str], elapsed_s: float) -> None:
    """The line pytest would have printed for both parts together."""
    words = [f"{total[word]} {_plural(word, total[word])}" for word in ORDER if total[word]]
    print(f" {', '.join(words)} in {elapsed_s:.2f}s ".center(80, "="), flush=True)


def _plural(word: str, number: int) -> str:
    return f"{word}s" if number > 1 and word in {"warning", "error"} else word


if __name__ == "__main__":
    sys.exit(main())
