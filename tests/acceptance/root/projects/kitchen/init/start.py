"""Start functions: one that runs once, one whose second half runs at stop."""

from collections.abc import AsyncGenerator

from core import AppContext, init

EVENTS: list[str] = []


@init(order=1)
async def first(app: AppContext) -> None:
    EVENTS.append(f"first {app.mode}")


@init(order=2)
async def around(app: AppContext) -> AsyncGenerator[None, None]:
    EVENTS.append("up")
    yield
    EVENTS.append("down")
