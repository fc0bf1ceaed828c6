"""Answers as plain JSON values: what a client would read.

In: an answer in a JSON envelope. Out: its members. Outputs of other forms build on them, so that ids,
times and texts are the same in every form.
"""

from __future__ import annotations

from typing import Any

import orjson

from core import Response


def read_envelope(answer: Response) -> dict[str, Any]:
    """The members of the envelope; none where the answer has no body."""
    envelope: dict[str, Any] = orjson.loads(answer.body) if answer.body else {}
    return envelope
