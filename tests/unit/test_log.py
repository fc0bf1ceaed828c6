"""Logging: one event a line whatever is in it, members, levels, masks; and that it never raises."""

from __future__ import annotations

import json
import logging
import os
import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from core.log import LEVELS, JsonFormatter, TextFormatter, configure_logging, count_dropped, get_logger
from core.settings import Log, Secret

# Everything some reader of a log takes for the end of a line, and what drives a terminal.
BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
HOSTILE = [*BREAKS, "\x1b[2J", "\x9b2J", "\0", "\x7f", "\u202e", "\ud800", '"', "\\", "%s", "{}", '\n{"level":"info"}']


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def record(message: str, *args: object, **members: object) -> logging.LogRecord:
    made = logging.LogRecord("catena.demo", logging.INFO, __file__, 1, message, args, None)
    made.__dict__ |= members
    return made


def test_members_of_an_event(capsys) -> None:
    configure_logging(Log("info", "json"), "test")
    members = {"action": "demo.done", "data": {"id": ObjectId("0" * 24)}}
    get_logger("demo", request_id="r1").info("%d of %s", 1, "x", extra=members)
    (event,) = events(capsys.readouterr().out)
    assert event["timestamp"].endswith("Z")
    assert len(event["timestamp"]) == len("2026-01-01T00:00:00.000Z")
    assert event["hostname"]
    assert event["pid"] > 0
    kept = {name: event[name] for name in ("level", "tag", "message", "action", "data", "request_id", "mode")}
    assert kept == {
        "level": "info",
        "tag": "demo",
        "message": "1 of x",
        "action": "demo.done",
        "data": {"id": "0" * 24},
        "request_id": "r1",
        "mode": "test",
    }


def test_plain_loggers_may_add_members_but_not_replace_them(capsys) -> None:
    configure_logging(Log("info", "json"), "test")
    logging.getLogger("catena.x").info("m", extra={"action": "a", "level": "spoofed", "mode": "spoofed", "route": "r"})
    (event,) = events(capsys.readouterr().out)
    assert (event["level"], event["mode"], event["action"], event["route"]) == ("info", "test", "a", "r")


def test_levels_of_mia(capsys) -> None:
    configure_logging(Log("trace", "json"), "test")
    for name in ("fatal", "error", "warn", "info", "debug", "trace"):
        get_logger("x").log(LEVELS[name], name)
    printed = capsys.readouterr()
    assert [event["level"] for event in events(printed.err)] == ["fatal", "error"]
    assert [event["level"] for event in events(printed.out)] == ["warn", "info", "debug", "trace"]


@pytest.mark.parametrize("level", LEVELS)
def test_only_what_is_at_or_above_the_level_is_written(level: str, capsys) -> None:
    configure_logging(Log(level, "json"), "test")
    names = ["fatal", "error", "warn", "info", "debug", "trace"]
    for name in names:
        get_logger("x").log(LEVELS[name], "m")
    printed = capsys.readouterr()
    written = [event["level"] for event in events(printed.err) + events(printed.out)]
    assert written == (names[: names.index(level) + 1] if level != "none" else [])


def test_nothing_is_formatted_below_the_level() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError

    configure_logging(Log("info", "json"), "test")
    get_logger("x").debug("%s", Costly(), extra={"data": Costly()})


def test_log_1_hostile_texts_stay_on_their_line(capsys) -> None:
    chance = random.Random(1)
    count = 2_000
    for style in ("json", "text"):
        configure_logging(Log("info", style), "test")
        for number in range(count):
            text = "".join(chance.choices([*HOSTILE, "a", "ä", " "], k=5))
            place = number % 5
            if place == 0:
                get_logger("x").info(text.replace("%", "%%"))
            elif place == 1:
                get_logger("x").info("%s", text)
            elif place == 2:
                get_logger("x").info("m", extra={"data": {"a": [text], text: 1}})
            elif place == 3:
                get_logger("x", request_id=text).info("m", extra={"action": text})
            else:
                get_logger("x").info("m", extra={"route": text})
        printed = capsys.readouterr()
        assert printed.err == ""
        lines = printed.out.splitlines()
        assert len(lines) == count
        assert not set("".join(lines)) & set(BREAKS + "\x1b\x9b\0\x7f\u202e")
        if style == "json":
            assert {json.loads(line)["level"] for line in lines} == {"info"}


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters()), st.text(st.characters()), st.sampled_from(["", "%s", "%d", "%(a)s", "%"]))
def test_log_1_any_text_gives_one_line_that_parses(text: str, other: str, pattern: str) -> None:
    made = record(text + pattern, other, data={"a": text, other: [text]}, action=other)
    line = JsonFormatter("test").format(made)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["tag"] == "demo"
    assert len(TextFormatter().format(made).splitlines()) == 1


def test_log_1_tracebacks_cannot_pass_for_events(capsys) -> None:
    for style in ("text", "json"):
        configure_logging(Log("info", style), "test")
        try:
            raise ValueError('x\n2026-01-01T00:00:00.000Z [info]: forged\u2028{"level":"info"}\x1b[2J')
        except ValueError:
            get_logger("x").exception("failed")
        first, *rest = capsys.readouterr().err.splitlines()
        if style == "json":
            assert rest == []
            assert "forged" in json.loads(first)["exception"]
        else:
            assert len(rest) > 3
            assert all(line.startswith("    ") for line in rest)
            assert "\x1b" not in "".join(rest)


def test_log_2_secrets_are_masked(capsys) -> None:
    secret = Secret("canary")
    for style in ("json", "text"):
        configure_logging(Log("info", style), "test")
        logger = get_logger("x", key=secret)
        logger.info("%s %r", secret, secret, extra={"data": {"a": secret, "b": [secret]}, "action": secret})
        logger.info(secret)
        logger.info("m", extra={"data": secret})
        logger.info("m", extra={"data": {"huge": 2**70, "a": secret}})
        printed = capsys.readouterr()
        assert len(printed.out.splitlines()) == 4
        assert "canary" not in printed.out + printed.err
        assert "***" in printed.out


def test_the_text_format(capsys) -> None:
    configure_logging(Log("info", "text"), "test")
    get_logger("demo", request_id="r1").info("hello", extra={"action": "a", "data": {"x": 1}})
    get_logger("x").warning("plain")
    first, second = capsys.readouterr().out.splitlines()
    assert first.partition(" ")[2] == "[info] [demo]: hello request_id=r1 action=a --> {'x': 1}"
    assert second.partition(" ")[2] == "[warn] [x]: plain"


class Broken:
    """Cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("canary")

    __repr__ = __str__


CYCLE: list[object] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize("data", [CYCLE, {"a": 2**64}, "\ud800", {"\ud800": 1}, {(1, 2): 3}, b"\xff", {1: 2}, object()])
def test_odd_data_is_written_somehow(data: object, capsys) -> None:
    for style in ("json", "text"):
        configure_logging(Log("info", style), "test")
        get_logger("x").info("m", extra={"data": data})
        printed = capsys.readouterr()
        assert len(printed.out.splitlines()) == 1
        assert printed.err == ""


@pytest.mark.parametrize("style", ["json", "text"])
def test_what_cannot_be_written_leaves_a_line_and_never_raises(style: str, capsys) -> None:
    configure_logging(Log("info", style), "test")
    get_logger("x").info("m", extra={"data": Broken()})
    get_logger("x").info("%s", Broken())
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [event["data"]["error"] for event in events(printed.err)] == ["RuntimeError"] * 2
    assert "canary" not in printed.err


def test_wrong_arguments_are_shown_instead(capsys) -> None:
    configure_logging(Log("info", "json"), "test")
    get_logger("x").info("%d items", "many")
    get_logger("x").info("%s %s", "one")
    get_logger("x").info("%(a)s", {"b": 1})
    assert [event["message"] for event in events(capsys.readouterr().out)] == [
        "%d items ('many',)",
        "%s %s ('one',)",
        "%(a)s {'b': 1}",
    ]


def test_a_closed_output_is_nobody_s_problem(monkeypatch, capsys) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

        def flush(self) -> None: ...

    configure_logging(Log("info", "json"), "test")
    monkeypatch.setattr(sys, "stdout", Gone())
    get_logger("x").info("m")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("level", "count"), [("debug", 1), ("warn", 1), ("error", 0), ("none", 0)])
def test_a09_warnings_of_any_library_are_events(level: str, count: int, capsys, monkeypatch) -> None:
    """The standard library prints them as they are where nobody handles them, with what a client wrote into them."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # those of pytest
    configure_logging(Log(level, "json"), "test")
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("a name: %s", '\n{"level":"fatal","message":"forged"}\x1b[2J')
    out, err = capsys.readouterr()
    assert [(event["tag"], event["level"]) for event in events(out)] == [("some.library", "warn")] * count
    assert err == ""


def test_LIFE_7_a_full_disk_is_no_failure(monkeypatch) -> None:
    before = count_dropped()
    configure_logging(Log("info", "json"), "test")
    with suppress(OSError), Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "stderr", full)
        get_logger("x").info("m")
        get_logger("x").error("m")
    assert count_dropped() == before + 2


@pytest.mark.parametrize("text", ["m" * 300, "m" * 10_000, "\u00fc" * 3000], ids=["short", "over a piece", "no ASCII"])
def test_LIFE_7_an_output_that_nobody_reads_holds_up_nothing(text: str, monkeypatch) -> None:
    configure_logging(Log("info", "json"), "test")
    before, (reader, writer) = count_dropped(), os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as full, os.fdopen(reader, encoding="utf-8") as read:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "stderr", full)
        while count_dropped() < before + 3:
            get_logger("x").info(text)
        get_logger("x").error(text)
        assert count_dropped() == before + 4
        os.set_blocking(reader, False)
        kept = [line for line in read.read().split("\n") if line]
        assert {json.loads(line)["message"] for line in kept[:-1]} == {text}
        get_logger("x").info("again")
        assert read.read().endswith('"mode":"test"}\n')
        assert count_dropped() == before + 4


def test_configuring_again_does_not_double_events(capsys) -> None:
    for _ in range(3):
        configure_logging(Log("info", "json"), "test")
    get_logger("x").info("m")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_levels_without_a_name_of_ours_keep_theirs() -> None:
    made = record("m")
    made.levelno, made.levelname = 25, "NOTICE"
    assert json.loads(JsonFormatter("test").format(made))["level"] == "notice"
