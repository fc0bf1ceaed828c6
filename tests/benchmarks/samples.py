"""What is sent, stored and expected: one search, one order of 1 KB, one entry, a thousand items."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

ITEMS = 1000
SEARCH = "/bench/search?account=a-17&q=blue%20shirt&limit=20&skip=40&sort=-price"
SEARCH_ANSWER = {"account": "a-17", "q": "blue shirt", "sort": "-price", "first": 40, "last": 60}
ORDER = {
    "number": 1017,
    "customer": "Ada Lovelace",
    "email": "ada@example.org",
    "phone": "+44 20 7946 0958",
    "street": "12 St James's Square",
    "city": "London",
    "zip": "10115",
    "country": "gb",
    "currency": "GBP",
    "total": 129.95,
    "priority": 3,
    "gift": True,
    "tags": ["summer", "express", "returning"],
    "coupon": None,
    "note": "Please ring twice and leave it with the neighbour when nobody opens. " * 10,
}
ENTRY = {"name": "a thing", "group": "bench", "amount": 17}


def envelope(response: Any) -> bytes:
    """The answer of every server to a request that succeeds."""
    return json.dumps({"status": 200, "response": response}, separators=(",", ":")).encode()


def make_items() -> list[dict[str, Any]]:
    """The stored items; their ids are 1 to `ITEMS` in hex, as `scripts/items.lua` asks for them."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "_id": ObjectId(f"{number:024x}"),
            "name": f"item {number}",
            "group": "bench",
            "status": "open",
            "amount": number,
            "price": number / 4,
            "tags": ["summer", "express"],
            "created": day + timedelta(minutes=number),
        }
        for number in range(1, ITEMS + 1)
    ]
