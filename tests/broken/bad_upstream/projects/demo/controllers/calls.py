from core import Context, Controller, Upstream

calls = Controller("demo-calls")
here = Upstream("here", base_url="https://example.com")


@calls.list
async def list_calls(ctx: Context) -> None: ...
