"""Validation as one writes it by hand: plain functions, all errors collected, the rules of the Catena project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bson import ObjectId

ACCOUNT = re.compile(r"^[a-z]-[0-9]+$")
EMAIL = re.compile(r"^[^@ ]+@[^@ ]+\.[a-z]+$")
PHONE = re.compile(r"^\+?[0-9 ]{5,20}$")
ZIP = re.compile(r"^[0-9]{4,10}$")
SORTS = frozenset({"name", "-name", "price", "-price"})
COUNTRIES = frozenset({"de", "fr", "gb", "us"})
CURRENCIES = frozenset({"EUR", "GBP", "USD"})

Errors = list[tuple[str, str]]


class Invalid(Exception):
    """What was wrong: (field, code) pairs."""

    def __init__(self, errors: Errors) -> None:
        self.errors = errors


def check_search(query: Mapping[str, str]) -> dict[str, Any]:
    """The five values of a search, converted."""
    errors: Errors = []
    sort = query.get("sort", "name")
    if sort not in SORTS:
        errors.append(("sort", "ValueNotAllowed"))
    values = {
        "account": text(query, "account", errors, most=20, pattern=ACCOUNT),
        "limit": number(query, "limit", errors, 1, 200, 25),
        "skip": number(query, "skip", errors, 0, 1_000_000, 0),
        "q": text(query, "q", errors, least=1, most=64),
        "sort": sort,
    }
    if errors:
        raise Invalid(errors)
    return values


def check_account(query: Mapping[str, str]) -> dict[str, Any]:
    """The one value of a signed request."""
    errors: Errors = []
    values = {"account": text(query, "account", errors, most=20, pattern=ACCOUNT)}
    if errors:
        raise Invalid(errors)
    return values


def check_page(query: Mapping[str, str]) -> tuple[int, int]:
    """Limit and skip."""
    errors: Errors = []
    page = number(query, "limit", errors, 1, 200, 25), number(query, "skip", errors, 0, 1_000_000, 0)
    if errors:
        raise Invalid(errors)
    return page


def check_id(value: str) -> ObjectId:
    """The id of an item."""
    if not ObjectId.is_valid(value):
        raise Invalid([("id", "UnexpectedType")])
    return ObjectId(value)


def check_order(body: Any) -> dict[str, Any]:
    """The fifteen fields of an order."""
    if type(body) is not dict:
        raise Invalid([("", "UnexpectedType")])
    errors: Errors = []
    order = {
        "number": integer(body, "number", errors, 1, 2**53),
        "customer": text(body, "customer", errors, least=1, most=64),
        "email": text(body, "email", errors, most=254, pattern=EMAIL),
        "phone": text(body, "phone", errors, pattern=PHONE),
        "street": text(body, "street", errors, least=1, most=64),
        "city": text(body, "city", errors, least=1, most=64),
        "zip": text(body, "zip", errors, pattern=ZIP),
        "country": one_of(body, "country", errors, COUNTRIES),
        "currency": one_of(body, "currency", errors, CURRENCIES),
        "total": amount(body, "total", errors),
        "priority": integer(body, "priority", errors, 1, 5),
        "gift": body.get("gift"),
        "tags": texts(body, "tags", errors, most=32),
        "coupon": None if body.get("coupon", "") is None else text(body, "coupon", errors, most=16),
        "note": text(body, "note", errors, most=2000),
    }
    if type(order["gift"]) is not bool:
        errors.append(("gift", "UnexpectedType"))
    if errors:
        raise Invalid(errors)
    return order


def check_entry(body: Any) -> dict[str, Any]:
    """The three fields of an entry."""
    if type(body) is not dict:
        raise Invalid([("", "UnexpectedType")])
    errors: Errors = []
    entry = {
        "name": text(body, "name", errors, least=1, most=64),
        "group": text(body, "group", errors, most=64),
        "amount": integer(body, "amount", errors, 0, 1_000_000),
    }
    if errors:
        raise Invalid(errors)
    return entry


def text(
    values: Mapping[str, Any], name: str, errors: Errors, *, least: int = 0, most: int = 4096, pattern: Any = None
) -> Any:
    value = values.get(name)
    if type(value) is not str:
        errors.append((name, "MissingValue" if value is None else "UnexpectedType"))
    elif not least <= len(value) <= most:
        errors.append((name, "LengthOutOfBounds"))
    elif pattern is not None and not pattern.search(value):
        errors.append((name, "PatternMismatch"))
    return value


def texts(values: Mapping[str, Any], name: str, errors: Errors, *, most: int) -> Any:
    value = values.get(name)
    if type(value) is not list or not all(type(item) is str and len(item) <= most for item in value):
        errors.append((name, "UnexpectedType"))
    return value


def number(values: Mapping[str, str], name: str, errors: Errors, least: int, most: int, default: int) -> int:
    value = values.get(name)
    if value is None:
        return default
    try:
        converted = int(value)
    except ValueError:
        errors.append((name, "UnexpectedType"))
        return default
    if not least <= converted <= most:
        errors.append((name, "ValueOutOfBounds"))
    return converted


def integer(values: Mapping[str, Any], name: str, errors: Errors, least: int, most: int) -> Any:
    value = values.get(name)
    if type(value) is not int:
        errors.append((name, "MissingValue" if value is None else "UnexpectedType"))
    elif not least <= value <= most:
        errors.append((name, "ValueOutOfBounds"))
    return value


def amount(values: Mapping[str, Any], name: str, errors: Errors) -> Any:
    value = values.get(name)
    if type(value) not in {int, float}:
        errors.append((name, "UnexpectedType"))
    elif value < 0:
        errors.append((name, "ValueOutOfBounds"))
    return value


def one_of(values: Mapping[str, Any], name: str, errors: Errors, allowed: frozenset[str]) -> Any:
    value = values.get(name)
    if value not in allowed:
        errors.append((name, "ValueNotAllowed"))
    return value
