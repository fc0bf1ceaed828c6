"""One route for each way in."""

from __future__ import annotations

from core import Body, Path, Route, Routes
from projects.target.controllers.accounts import (
    by_any_filter,
    by_any_value,
    by_body,
    by_header,
    by_path,
    by_query,
    change,
    create,
    set_anything,
)
from projects.target.controllers.rooms import (
    check_key,
    crash,
    crash_in_store,
    crash_in_stream,
    crash_later,
    echo,
    log,
    private,
    public,
    stream,
    wait,
)

accounts = Routes(
    group="target",
    prefix="/target",
    paths=[
        Path("./query", get=Route("query", chain=[by_query])),
        Path("./header", get=Route("header", chain=[by_header])),
        Path("./path/:id", get=Route("path", chain=[by_path])),
        Path("./body", post=Route("body", chain=[by_body])),
        Path("./form", post=Route("form", chain=[by_body], body=Body("urlencoded"))),
        Path("./open", post=Route("open", chain=[by_any_value])),
        Path("./filter", post=Route("filter", chain=[by_any_filter])),
        Path(
            "./accounts",
            post=Route("create", chain=[create]),
            patch=Route("strict", chain=[create], parameter_overflow="block"),
        ),
        Path("./accounts/:id", patch=Route("change", chain=[change]), put=Route("set", chain=[set_anything])),
        Path("./echo", post=Route("echo", chain=[echo])),
        Path("./log", post=Route("log", chain=[log])),
        Path("./overflow", post=Route("overflow", chain=[by_body], parameter_overflow="log")),
        Path("./crash", get=Route("crash", chain=[crash])),
        Path("./crash-later", get=Route("crash-later", chain=[crash_later])),
        Path("./crash-in-store", get=Route("crash-in-store", chain=[crash_in_store])),
        Path("./crash-in-stream", get=Route("crash-in-stream", chain=[crash_in_stream])),
        Path("./stream", get=Route("stream", chain=[stream])),
        Path("./wait", get=Route("wait", chain=[wait])),
        Path("./public/*", get=Route("public", chain=[public])),
    ],
)

guarded = Routes(
    group="target",
    prefix="/target/private",
    before=[check_key],
    paths=[Path("./*", get=Route("private", chain=[private]))],
)
