"""Where redirects of an upstream lead below a route that stands for all of it; the rest is tested over sockets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from core import Context
from generic.libs.forwarding import returned_location


@pytest.mark.parametrize(
    "location", ["/base//evil.example/", "/base/\\evil.example/", "http://up/base/\\/evil.example/"]
)
def test_C03_no_redirect_leads_to_a_host_that_the_upstream_did_not_name(location: str) -> None:
    request: Any = SimpleNamespace(path="/old", path_values={"rest": "old"})
    ctx = cast(Context, SimpleNamespace(request=request))
    assert returned_location(location, "http://up/base/old", ctx) == "/evil.example/"
