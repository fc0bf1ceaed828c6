"""XML of every kind of value; whatever is written can be parsed, and nothing breaks out of its element."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from generic.libs.xml import build_xml

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

CASES = [
    pytest.param({"a": 1, "b": "x"}, "<root><a>1</a><b>x</b></root>", id="object"),
    pytest.param({"todo": {"name": "a", "n": 1}}, "<todo><name>a</name><n>1</n></todo>", id="one member is the root"),
    pytest.param({"todo": [1, 2]}, "<root><todo>1</todo><todo>2</todo></root>", id="one list needs a root"),
    pytest.param([1, {"a": 2}], "<root><item>1</item><item><a>2</a></item></root>", id="list"),
    pytest.param({"a": [[1, 2]], "b": []}, "<root><a><item>1</item><item>2</item></a></root>", id="lists in lists"),
    pytest.param(None, "<root/>", id="nothing"),
    pytest.param({}, "<root/>", id="empty object"),
    pytest.param([], "<root/>", id="empty list"),
    pytest.param("", "<root/>", id="empty text"),
    pytest.param("a", "<root>a</root>", id="text"),
    pytest.param(0, "<root>0</root>", id="zero"),
    pytest.param(1.5, "<root>1.5</root>", id="number"),
    pytest.param({"a": True, "b": False, "c": None}, "<root><a>true</a><b>false</b><c/></root>", id="true false null"),
    pytest.param("a < b & c", "<root><![CDATA[a < b & c]]></root>", id="CDATA where escapes were needed"),
    pytest.param("a ]]> b", "<root><![CDATA[a ]]]]><![CDATA[> b]]></root>", id="end of CDATA in a text"),
    pytest.param("<script>", "<root><![CDATA[<script>]]></root>", id="markup"),
    pytest.param("a\r\n<b>", "<root>a&#13;\n&lt;b&gt;</root>", id="carriage return"),
    pytest.param("a\x00\x08\ufffeb", "<root>a\ufffd\ufffd\ufffdb</root>", id="characters that XML does not know"),
    pytest.param({"a b": 1, "": 2}, '<root><item name="a b">1</item><item name="">2</item></root>', id="odd names"),
    pytest.param(
        {'"<&>\n': 1, "x": 2}, '<root><item name="&quot;&lt;&amp;>&#10;">1</item><x>2</x></root>', id="hostile name"
    ),
    pytest.param({"xmlns": 1, "x": 2}, '<root><item name="xmlns">1</item><x>2</x></root>', id="reserved name"),
    pytest.param({"1a": 1, "a:b": 2}, '<root><item name="1a">1</item><item name="a:b">2</item></root>', id="no names"),
    pytest.param({"größe": 1, "x": "ü😀"}, '<root><item name="größe">1</item><x>ü😀</x></root>', id="beyond ASCII"),
]


@pytest.mark.parametrize(("value", "expected"), CASES)
def test_xml(value: Any, expected: str) -> None:
    document = build_xml(value)
    assert document == f"{HEAD}{expected}\n"
    ET.fromstring(document.encode())


@pytest.mark.parametrize(
    "text", ["a", "<a>&b</a>", "]]>", "]]>]]>", "a]]", "\r", "x\r]]>", "&amp;", "<!--", "<![CDATA[x]]>"]
)
def test_a_text_arrives_as_it_was(text: str) -> None:
    document = build_xml({"a": text, "b": 1})
    assert ET.fromstring(document.encode()).findtext("a") == text


def test_the_root_can_be_named() -> None:
    assert build_xml({"status": 404}, "error") == f"{HEAD}<error><status>404</status></error>\n"
