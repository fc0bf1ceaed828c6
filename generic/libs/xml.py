"""Results as XML.

In: a plain JSON value. Out: an XML 1.0 document as text. Pure; escapes everything it writes.
Source: mia.js 2.15; the shape is the one its clients parse: a list repeats its element, text that would need
escapes stands in CDATA, an object with one member has that as root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_NAME: Final = re.compile(r"(?!xml)[A-Za-z_][A-Za-z0-9_.-]*", re.IGNORECASE)
#: what no XML 1.0 document may contain, not even escaped
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEEDS_CDATA: Final = re.compile("[<>&\r]")
_ITEM: Final = "item"


def build_xml(value: Any, root: str = "") -> str:
    """A document.

    Args:
        value: plain JSON.
        root: name of the outermost element; by default the only member of an object that has one, if it is no
            list, else `root`.
    """
    if not root:
        root = "root"
        if isinstance(value, dict) and len(value) == 1:
            [(name, member)] = value.items()
            if not isinstance(member, list):
                root, value = str(name), member
    return f"{_DECLARATION}\n{''.join(_write_element(root, value))}\n"


def _write_element(name: str, value: Any) -> Iterator[str]:
    """One element with everything below it; the pieces are joined once, at the end."""
    start, end = _write_tags(name)
    content = "".join(_write_content(value))
    yield f"{start}{content}{end}" if content else f"{start[:-1]}/>"


def _write_content(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, list):
                for item in member:
                    yield from _write_element(name, item)
            else:
                yield from _write_element(name, member)
    elif isinstance(value, list):
        for item in value:
            yield from _write_element(_ITEM, item)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield _write_text(str(value))


def _write_tags(name: str) -> tuple[str, str]:
    """Start and end tag; a name that XML does not admit becomes an attribute of `item`."""
    if _NAME.fullmatch(name):
        return f"<{name}>", f"</{name}>"
    quoted = _FORBIDDEN.sub("\ufffd", name)
    for char, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        ('"', "&quot;"),
        ("\t", "&#9;"),
        ("\n", "&#10;"),
        ("\r", "&#13;"),
    ):
        quoted = quoted.replace(char, entity)
    return f'<{_ITEM} name="{quoted}">', f"</{_ITEM}>"


def _write_text(text: str) -> str:
    text = _FORBIDDEN.sub("\ufffd", text)
    if not _NEEDS_CDATA.search(text):
        return text
    if "\r" in text:  # parsers read a carriage return in CDATA as a line feed
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
