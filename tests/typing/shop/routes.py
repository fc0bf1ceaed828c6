"""Routes of the shop."""

from __future__ import annotations

from core import MIB, Body, Cors, Path, RateLimit, Route, Routes, use
from tests.typing.shop.controllers import (
    check_access,
    create_dish,
    explain,
    get_dish,
    limit_dishes,
    list_dishes,
    measure,
    remove_dish,
    update_dish,
)
from tests.typing.shop.params import Options

api = Routes(
    group="shop",
    name="Shop",
    version="1.0",
    prefix=["/shop/v1", "/shop/latest"],
    host_id="api",
    before=[measure, check_access],
    after=[use("generic-defaultJSONResponse", "1.0")],
    errors=[explain],
    cors=Cors(origins=["https://shop.example.com"]),
    paths=[
        Path(
            "./dish",
            list=Route("dishes", chain=[list_dishes], rate_limit=RateLimit(100, per_s=60)),
            index=Route("dish", chain=[get_dish], modified="2026-11-20"),
            create=Route(
                "new-dish",
                chain=[limit_dishes.with_options(Options(most=5)), create_dish],
                body=Body(limit_bytes=MIB),
                parameter_overflow="block",
                response_schemes={200: {"type": "object"}},
            ),
            update=Route("change-dish", chain=[update_dish], environment=["local", "test"]),
            del_=Route("remove-dish", chain=[remove_dish, use("shop-audit", "1.0", "record", options={"level": 1})]),
        )
    ],
)
