"""The line on which a setting stands."""

from __future__ import annotations

from pathlib import Path

from core.load.configuration import find_place
from tests.applications import write_files


def test_places_of_settings(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "config/local.py": """
                settings = ServerSettings(
                    workers=2,
                    listen=[
                        Http(port=1),
                        Http(port=2),
                    ],
                    databases={
                        "main": main,
                        **others,
                        name: other,
                    },
                )
            """,
            "config/base.py": """
                main = Mongo(url="x")
                timeouts = dict(timeouts=Timeouts(
                    request_s=3,
                ))
            """,
            "config/broken.py": "(",
        },
    )

    def place(*trail: str) -> str:
        return str(find_place(tmp_path, "local", *trail).relative_to(tmp_path))

    assert place("workers") == "config/local.py:2"
    assert place("listen", "1", "port") == "config/local.py:5"
    assert place("databases", "main", "url") == "config/local.py:8"
    assert place("timeouts", "request_s") == "config/base.py:3"
    assert place("log", "level") == "config/local.py:1"
    assert str(find_place(tmp_path, "nowhere", "log").line) == "1"
