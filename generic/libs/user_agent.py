"""What a User-Agent says about a device; pure.

Source: mia.js 5.1. Its check for phones comes last there and wins, so that an iPad that says `Mobile` is a phone.
"""

from __future__ import annotations

import re
from typing import Final

_TABLET: Final = re.compile(r"iPad|Kindle|Playbook|Silk-Accelerated")
_PHONE: Final = re.compile(r"Mobile|iPhone|iPod|Windows Phone|BlackBerry")
_SYSTEMS: Final = (
    ("windows phone", re.compile(r"Windows Phone(?: OS)? (\d{1,3}(?:\.\d{1,3}){0,3})?")),
    ("android", re.compile(r"Android ?(\d{1,3}(?:\.\d{1,3}){0,3})?")),
    # From the first of these on, once: trying again from each would take a second for a header full of them.
    ("ios", re.compile(r"^(?>.*?(?:iPhone|iPad|iPod)).*?OS (\d{1,3}(?:_\d{1,3}){0,3})?")),
)


def read_group(user_agent: str) -> str:
    """`phone`, `tablet` or `desktop`."""
    if _PHONE.search(user_agent):
        return "phone"
    if _TABLET.search(user_agent) or "Android" in user_agent:
        return "tablet"
    return "desktop"


def read_system(user_agent: str) -> tuple[str, str]:
    """Type and version of the operating system; empty where they are not known."""
    for name, pattern in _SYSTEMS:
        found = pattern.search(user_agent)
        if found:
            return name, (found[1] or "").replace("_", ".")
    return "", ""
