"""A library found by identity."""

from core import Lib

lib = Lib("kitchen-lib")


def double(value: int) -> int:
    """Twice the value."""
    return 2 * value
