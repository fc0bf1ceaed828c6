"""A step before others. This one lets everybody pass; one that does not would raise `Forbidden`."""

from __future__ import annotations

from core import Context, Controller

check_access = Controller("demo-checkAccess", version="1.0", group="demo")


@check_access.all(responses={200: "Success"})
async def let_pass(ctx: Context) -> None:
    """Everybody may use the demo."""
