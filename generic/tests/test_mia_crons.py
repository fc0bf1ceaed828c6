"""What mia's job documents mean here: fields with other numbers, what cannot be said, limits and flags."""

from __future__ import annotations

from typing import Any

import pytest

from generic.libs.mia_crons import convert_config, convert_time

EVERY = dict.fromkeys(("second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek"), "*") | {"timezone": "CET"}

FIELDS = [
    ("month", "0", "1"),
    ("month", "11", "12"),
    ("month", "12", "12"),
    ("month", "1-3", "2-4"),
    ("month", "2,5-7/2", "3,6-8/2"),
    ("month", "0-11", "*"),
    ("month", "0-12", "*"),
    ("month", "*/3", "*/3"),
    ("month", "0-11/3", "*/3"),
    ("month", "jan,Dec", "jan,Dec"),
    ("dayOfWeek", "0", "0"),
    ("dayOfWeek", "7", "6"),
    ("dayOfWeek", "0-7", "*"),
    ("dayOfWeek", "5-7", "5-6"),
    ("dayOfWeek", "mon-fri", "mon-fri"),
    ("dayOfMonth", "0", "1"),
    ("dayOfMonth", "0-31", "*"),
    ("dayOfMonth", "15,40", "15,31"),
    ("second", "RANDOM", "RANDOM"),
    ("second", "60", "59"),
    ("second", "5/10", "5"),
    ("second", "0-59/10", "*/10"),
    ("hour", "0-23,5", "*"),
    ("hour", "8 , 24", "8,23"),
    ("minute", "30", "30"),
]


@pytest.mark.parametrize(("name", "value", "expected"), FIELDS, ids=[f"{row[0]} {row[1]}" for row in FIELDS])
def test_a_field_means_what_it_meant(name: str, value: str, expected: str) -> None:
    assert convert_time({**EVERY, name: value}) == {**EVERY, name: expected}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"dayOfMonth": "1", "dayOfWeek": "1"}, "dayOfMonth 1 and dayOfWeek 1 both had to match"),
    ({"month": ""}, "it lacks month"),
    ({"timezone": None}, "it lacks timezone"),
    ({"timezone": "Nowhere"}, "unknown time zone"),
    ({"second": "often"}, "cannot be read"),
    ({"dayOfMonth": "31", "month": "1"}, "cannot be read"),
]


@pytest.mark.parametrize(("edit", "reason"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_a_time_without_counterpart_is_named(edit: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        convert_time({**EVERY, **edit})


def test_a_step_over_days_and_a_weekday_both_have_to_match_here_too() -> None:
    assert convert_time({**EVERY, "dayOfMonth": "*/2", "dayOfWeek": "1"})["dayOfMonth"] == "*/2"


def test_limits_and_flags() -> None:
    one, notes = convert_config({"config": {"time": EVERY, "maxInstanceNumberTotal": 1.0, "isSuspended": True}})
    assert (one["scope"], one["maxInstanceNumberTotal"], one["maxInstanceNumberPerServer"]) == ("cluster", 1, 0)
    assert one["isSuspended"] is True
    assert notes == []
    for total in (0, None, 3):
        assert convert_config({"config": {"time": EVERY, "maxInstanceNumberTotal": total}})[0]["scope"] == "server"
    many, notes = convert_config({"config": {"forceRun": True, "allowedHosts": ["a"]}, "runningJobsOverall": [{}, {}]})
    assert many["allowedHosts"] == ["a"]
    assert "time" not in many
    assert [note.partition(" ")[0] for note in notes] == ["its", "forceRun", "2"]
