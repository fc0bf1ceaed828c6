"""Every rule by itself, the order in which they run, and the exact messages that mia's clients know."""

from __future__ import annotations

import re
import time
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from core.errors import BadDeclaration, ErrorItem
from core.schema import formats
from core.schema.fields import Upload
from core.schema.params import compile_section
from core.schema.rules import rule
from tests.schemas import params, run, value_of


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    LOW = 1
    HALF = 2.5


def text(**rules: Any) -> Any:
    return Annotated[str, rule(**rules)]


def whole(**rules: Any) -> Any:
    return Annotated[int, rule(**rules)]


def texts(**rules: Any) -> Any:
    return Annotated[list[str], rule(**rules)]


USE = "is not allowed. Use one of the following values: "
USE_SEVERAL = "is not allowed. Use one or more of the following string values separated by comma without blank spaces: "
USE_NOT = "is not allowed. Do not use one of the following values: "

# Field, value, message without the name of the field, code.
REFUSED: list[tuple[Any, Any, str, str]] = [
    (text(min_length=3), "ab", "a length is less than 3 chars", "MinLengthUnderachieved"),
    (text(max_length=3), "abcd", "a length is more than 3 chars", "MaxLengthExceeded"),
    (text(min_length=2, max_length=3), "a", "a length is less than 2 chars", "MinLengthUnderachieved"),
    (text(min_length=2, max_length=3), "abcd", "a length is more than 3 chars", "MaxLengthExceeded"),
    (text(max_length=2), " a ", "a length is more than 2 chars", "MaxLengthExceeded"),
    (whole(min=3), 2, "a value is less than 3", "MinValueUnderachived"),
    (whole(max=3), 4, "a value is more than 3", "MaxValueExceeded"),
    (whole(min=1, max=3), 0, "a value is less than 1", "MinValueUnderachived"),
    (whole(min=1, max=3), 4, "a value is more than 3", "MaxValueExceeded"),
    (Annotated[float, rule(min=0.5)], 0.4, "a value is less than 0.5", "MinValueUnderachived"),
    (Annotated[list[int], rule(max=3)], [1, 4], "a[2] value is more than 3", "MaxValueExceeded"),
    (text(allow=["A", "b"]), "c", f"a value 'c' {USE}A,b", "ValueNotAllowed"),
    (text(allow="A"), "c", f"a value 'c' {USE}A", "ValueNotAllowed"),
    (text(allow=["2"]), "2.0", f"a value '2.0' {USE}2", "ValueNotAllowed"),
    (whole(allow=[1, 2]), 3, f"a value '3' {USE}1,2", "ValueNotAllowed"),
    (text(allow_multiple=["x", "y"]), "x,z", f"a value 'x,z' {USE_SEVERAL}x,y", "ValueNotAllowed"),
    (text(allow_multiple=["x", "y"]), "x, y", f"a value 'x, y' {USE_SEVERAL}x,y", "ValueNotAllowed"),
    (text(deny=["bad", 7]), "BAD", f"a value 'BAD' {USE_NOT}bad,7", "ValueNotAllowed"),
    (whole(deny=["7"]), 7, f"a value '7' {USE_NOT}7", "ValueNotAllowed"),
    (text(match="^[a-z]+$"), "A1", "a does not match pattern /^[a-z]+$/", "PatternMismatch"),
    (text(match=re.compile("^a.c$", re.IGNORECASE | re.DOTALL)), "xyz", "a does not match pattern /^a.c$/is", "PatternMismatch"),
    (text(match="^a$"), "a\n", "a does not match pattern /^a$/", "PatternMismatch"),
    (text(match="^a$"), "\ud800", "a does not match pattern /^a$/", "PatternMismatch"),
    (whole(match="^1"), 21, "a does not match pattern /^1/", "PatternMismatch"),
    (text(), "", "a is required but invalid value or no value given", "MissingRequiredParameter"),
    (text(convert="trim"), "  ", "a is required but invalid value or no value given", "MissingRequiredParameter"),
    (Any, None, "a is required but invalid value or no value given", "MissingRequiredParameter"),
    (texts(max_length=1), ["a", "bc"], "a[2] length is more than 1 chars", "MaxLengthExceeded"),
    (texts(deny="x"), ["x"], f"a[1] value 'x' {USE_NOT}x", "ValueNotAllowed"),
    (list[text(max_length=1)], ["bc"], "a[1] length is more than 1 chars", "MaxLengthExceeded"),
    (Literal["x", "y"], "X", f"a value 'X' {USE}x,y", "ValueNotAllowed"),
    (Literal["x", "y"], 1, "a is unexpected type. number given string expected", "UnexpectedType"),
    (Literal["x", "y"], ["x"], "a is unexpected type. object given string expected", "UnexpectedType"),
    (Literal[1, 2], 3, f"a value '3' {USE}1,2", "ValueNotAllowed"),
    (Literal[1, 2], "1", "a is unexpected type. string given integer expected", "UnexpectedType"),
    (Literal[1, 2], True, "a is unexpected type. boolean given integer expected", "UnexpectedType"),
    (Literal[True], 1, "a is unexpected type. number given boolean expected", "UnexpectedType"),
    (Color, "green", f"a value 'green' {USE}red,blue", "ValueNotAllowed"),
    (Level, {}, "a is unexpected type. object given string expected", "UnexpectedType"),
    (Annotated[formats.Timestamp, rule(min=1500000000)], "1420070400", "a value is less than 1500000000", "MinValueUnderachived"),
    (Annotated[formats.Email, rule(max_length=5)], "a@b.de", "a length is more than 5 chars", "MaxLengthExceeded"),
    (Upload, "x", "a is unexpected type. string given file expected", "UnexpectedType"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("annotation", "raw", "message", "code"), REFUSED, ids=[f"{row[2]}-{row[1]!r}" for row in REFUSED]
)
def test_rule_refuses(annotation: Any, raw: Any, message: str, code: str) -> None:
    assert value_of(annotation, raw) == ErrorItem(code, message, "a", "body")


ACCEPTED: list[tuple[Any, Any, Any]] = [
    (text(min_length=2, max_length=3), "ab", "ab"),
    (text(max_length=1), "\N{GRINNING FACE}", "\N{GRINNING FACE}"),
    (whole(min=1, max=3), 3, 3),
    (text(allow=["Abc"]), "aBC", "aBC"),
    (text(allow=[2]), "2", "2"),
    (text(allow=[2], match="x?"), "2", "2"),
    (whole(allow=["2", "x"]), 2, 2),
    (text(allow_multiple=["x", "Y"]), "X,y,x", "X,y,x"),
    (text(allow_multiple=["1", "2"]), 1, "1"),
    (text(deny=["bad"]), "good", "good"),
    (text(match="b"), "abc", "abc"),
    (text(match=r"(?=ab)a"), "abc", "abc"),
    (text(match=re.compile("a b", re.VERBOSE)), "ab", "ab"),
    (text(convert="lower"), "ABC", "abc"),
    (text(convert=["trim", "upper"]), " abc ", "ABC"),
    (texts(convert="trim"), [" a", "b "], ["a", "b"]),
    (whole(), 0, 0),
    (bool, False, False),
    (texts(), [], []),
    (texts(), [""], [""]),
    (Literal["x", ""], "", ""),
    (Literal[1, 2], 1.0, 1),
    (Color, "red", Color.RED),
    (Color, Color.RED, Color.RED),
    (Level, 2.5, Level.HALF),
    (list[Color], ["red"], [Color.RED]),
    (str, Color.RED.value, "red"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "raw", "expected"), ACCEPTED, ids=[str(n) for n in range(len(ACCEPTED))])
def test_rule_accepts(annotation: Any, raw: Any, expected: Any) -> None:
    found = value_of(annotation, raw)
    assert found == expected
    assert type(found) is type(expected)


TEXT_CHOICES = [
    (Literal[1, 2], "2", 2),
    (Literal[True, False], "true", True),
    (Literal["a", 1], "a", "a"),
    (Level, "1", Level.LOW),
]


@pytest.mark.parametrize(("annotation", "raw", "expected"), TEXT_CHOICES, ids=[repr(row[1]) for row in TEXT_CHOICES])
def test_choices_of_numbers_and_flags_are_read_from_text(annotation: Any, raw: str, expected: Any) -> None:
    assert value_of(annotation, raw, "query") is expected or value_of(annotation, raw, "query") == expected
    assert value_of(annotation, "no", "query").code == "ValueNotAllowed"
    assert value_of(annotation, [raw], "query").code == "UnexpectedType"


# Which of two broken rules is reported: mia's order, first failing rule wins.
ORDER = [
    (text(min_length=5, match="^x"), "abc", "MinLengthUnderachieved"),
    (text(min_length=2), "", "MinLengthUnderachieved"),
    (text(max_length=2, allow=["x"]), "abc", "MaxLengthExceeded"),
    (whole(max=2, allow=[1]), 3, "MaxValueExceeded"),
    (text(allow=["x"], deny=["y"]), "y", "ValueNotAllowed"),
    (text(deny=["y"], match="^x"), "y", "ValueNotAllowed"),
    (text(allow=["x"], match="^y"), "y", "ValueNotAllowed"),
    (whole(min=3), "x", "UnexpectedType"),
    (whole(), None, "UnexpectedType"),
]


@pytest.mark.parametrize(("annotation", "raw", "code"), ORDER, ids=[f"{raw!r}-{code}" for _, raw, code in ORDER])
def test_first_failing_rule_wins(annotation: Any, raw: Any, code: str) -> None:
    made, errors = run(params(a=annotation), {"a": raw})
    assert made is None
    assert [error.code for error in errors] == [code]


def test_deny_does_not_overwrite_an_earlier_error() -> None:
    error = value_of(text(allow=["x"], deny=["y"]), "y")
    assert error.msg == f"a value 'y' {USE}x"


def test_val_4_patterns_take_linear_time() -> None:
    started = time.perf_counter()
    assert value_of(text(match="^(a+)+$"), "a" * 60_000 + "!").code == "PatternMismatch"
    assert time.perf_counter() - started < 1


def test_patterns_that_need_backtracking_see_short_texts_only() -> None:
    annotation = text(match="(?=a)a")
    assert value_of(annotation, "a" * 256) == "a" * 256
    assert value_of(annotation, "a" * 257).code == "PatternMismatch"


@pytest.mark.parametrize("pattern", ["[", "(?P<x", "(?<=a+)b"])
def test_a_pattern_that_is_none_is_a_load_error(pattern: str) -> None:
    cls = params(a=text(match=pattern))
    with pytest.raises(BadDeclaration, match="is no pattern"):
        compile_section(cls, "body")
    with pytest.raises(BadDeclaration):  # and remains one
        compile_section(cls, "body")
