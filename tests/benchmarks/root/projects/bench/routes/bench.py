"""The measured routes, and as many more as BENCH_ROUTES says: half of them with a variable."""

from __future__ import annotations

import os

from core import Path, Route, Routes, use
from projects.bench.controllers.items import add_entry, get_item, list_items
from projects.bench.controllers.plain import burn, choose_window, echo, find_account, say_hello, search, show_signed

COUNT = int(os.environ.get("BENCH_ROUTES", "10"))

api = Routes(
    group="bench",
    name="Benchmark",
    prefix="/bench",
    paths=[
        Path("./hello", get=Route("hello", chain=[say_hello])),
        Path("./search", get=Route("search", chain=[find_account, choose_window, search])),
        Path("./orders", post=Route("orders", chain=[echo])),
        *(
            Path(
                f"./signed/{version}",
                get=Route(
                    f"signed-{version}",
                    chain=[use("generic-validateAccessKey", f"{version}.0"), find_account, show_signed],
                ),
            )
            for version in (1, 2)
        ),
        Path(
            "./through/*",
            all=Route("through", chain=[use("generic-passthrough", "1.0", options={"upstream": "behind"})]),
        ),
        Path(
            "./together",
            get=Route(
                "together",
                chain=[
                    use(
                        "generic-aggregate",
                        "1.0",
                        options={
                            "calls": [{"name": name, "upstream": "behind", "path": f"/slow/{name}"} for name in "abc"]
                        },
                    )
                ],
            ),
        ),
        Path("./burn", get=Route("burn", chain=[burn])),
        Path(
            "./items",
            list=Route("items", chain=[list_items]),
            index=Route("item", chain=[get_item]),
            create=Route("add", chain=[add_entry]),
        ),
    ],
)

many = Routes(
    group="bench",
    name="Many routes",
    prefix="/many",
    paths=[
        Path(f"./{number}" if number % 2 else f"./{number}/:name", get=Route(f"many-{number}", chain=[say_hello]))
        for number in range(COUNT)
    ],
)
