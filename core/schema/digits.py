"""Ranges of whole numbers as patterns, for describing numbers that arrive as text.

In: the least and the greatest number. Out: a pattern that matches the decimal texts in between, some zeros in
front included. Used by `jsonscalar.py`.
"""

from __future__ import annotations


def range_pattern(least: int, most: int) -> str:
    """An anchored pattern for the decimal texts of `least` … `most`."""
    choices: list[str] = []
    if least < 0:
        choices.append(f"-0{{0,9}}(?:{_between(max(0, -most), -least)})")
    if most >= 0:
        choices.append(rf"\+?0{{0,9}}(?:{_between(max(0, least), most)})")
    return f"^(?:{'|'.join(choices)})$"


def _between(least: int, most: int) -> str:
    """One alternative per number of digits."""
    low, high = str(least), str(most)
    pieces: list[str] = []
    for size in range(len(low), len(high) + 1):
        first = low if size == len(low) else "1" + "0" * (size - 1)
        last = high if size == len(high) else "9" * size
        pieces.append(_same_length(first, last))
    return "|".join(pieces)


def _same_length(low: str, high: str) -> str:
    """The numbers from `low` to `high`, texts of equal length, digit by digit."""
    if low == high:
        return low
    rest = len(low) - 1
    if low[0] == high[0]:
        return f"{low[0]}(?:{_same_length(low[1:], high[1:])})"
    first, last = int(low[0]), int(high[0])
    pieces: list[str] = []
    if low[1:] != "0" * rest:
        pieces.append(f"{first}(?:{_same_length(low[1:], '9' * rest)})")
        first += 1
    if high[1:] != "9" * rest:
        pieces.append(f"{last}(?:{_same_length('0' * rest, high[1:])})")
        last -= 1
    if first <= last:
        free = "" if rest == 0 else f"[0-9]{{{rest}}}"
        pieces.append((str(first) if first == last else f"[{first}-{last}]") + free)
    return "|".join(pieces)
