"""Steps of every kind: around, plain, optional needs, options, early ends, late work."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

from core import (
    BadRequest,
    Conflict,
    Context,
    Controller,
    Finish,
    HTTPError,
    Params,
    Redirect,
    Response,
    StreamResponse,
    Unauthorized,
    given,
    rule,
)
from projects.kitchen.models.dish import Dish

steps = Controller("kitchen-steps", group="kitchen")
EVENTS: list[str] = []


class Guest:
    """What the door provides."""

    def __init__(self, name: str) -> None:
        self.name = name


class Door(Params):
    guest: Annotated[str, rule("Who is there", max_length=20)] = ""


class Amount(Params):
    count: Annotated[int, rule("How many", min=1, max=9)] = 1


class Order(Params):
    name: Annotated[str, rule("Dish", min_length=2, max_length=20)]
    size: Literal["small", "large"] = "small"


class Limit(Params):
    most: Annotated[int, rule("Upper bound", min=1)] = 5


@steps.action("door", provides=Guest, responses={401: "Unauthorized"})
async def door(ctx: Context, *, query: Door) -> Guest:
    if not query.guest:
        raise Unauthorized
    return Guest(query.guest)


@steps.action("maybe", provides=Guest)
async def maybe(ctx: Context, *, query: Door) -> Guest | None:
    return Guest(query.guest) if query.guest else None


@steps.action("greet")
async def greet(ctx: Context, *, guest: Guest | None, query: Amount) -> dict[str, Any]:
    return {"guest": guest.name if guest else None, "count": query.count}


@steps.action("welcome")
async def welcome(ctx: Context, *, guest: Guest) -> str:
    return f"hello {guest.name}"


@steps.action("limited")
async def limited(ctx: Context, *, options: Limit, query: Amount) -> int:
    if query.count > options.most:
        raise BadRequest("TooMany", f"at most {options.most}")
    return query.count


@steps.action("slow-thread")
def slow_thread(ctx: Context) -> str:
    return "from a thread"


@steps.action("timed")
async def timed(ctx: Context) -> AsyncGenerator[None, Response]:
    EVENTS.append("before")
    try:
        response = yield None
    except BaseException as error:
        EVENTS.append(f"error {type(error).__name__}")
        raise
    EVENTS.append(f"after {response.status}")
    response.set_header("x-timed", "yes")


@steps.action("provide-around", provides=Guest)
async def provide_around(ctx: Context) -> AsyncGenerator[Guest, Response]:
    yield Guest("around")


@steps.action("twice")
async def twice(ctx: Context) -> AsyncGenerator[None, Response]:
    yield None
    yield None


@steps.action("replace-error")
async def replace_error(ctx: Context) -> AsyncGenerator[None, Response]:
    try:
        yield None
    except RuntimeError as error:
        raise Conflict("Replaced") from error


@steps.action("swallow-error")
async def swallow_error(ctx: Context) -> AsyncGenerator[None, Response]:
    try:
        yield None
    except RuntimeError:
        EVENTS.append("swallowed")


@steps.action("finish")
async def finish(ctx: Context) -> Finish:
    return Finish({"done": True})


@steps.action("respond")
async def respond(ctx: Context) -> Response:
    ctx.headers["X-From"] = "step"
    ctx.set_cookie("sid", "abc", max_age_s=60)
    return Response("plain", 202, {"X-Own": "1"})


@steps.action("stream")
async def stream(ctx: Context) -> StreamResponse:
    async def parts() -> Any:
        yield b"one,"
        yield b"two"

    return StreamResponse(parts(), media_type="text/plain; charset=utf-8")


@steps.action("redirect")
async def redirect(ctx: Context) -> Redirect:
    return Redirect("/kitchen/plain")


@steps.action("crash")
async def crash(ctx: Context) -> None:
    raise RuntimeError("secret inside")


@steps.action("forever")
async def forever(ctx: Context) -> None:
    await asyncio.sleep(3600)


@steps.action("mark")
async def mark(ctx: Context) -> None:
    ctx.headers["X-After"] = "ran"


@steps.action("never")
async def never(ctx: Context) -> str:
    EVENTS.append("never")
    return "overwritten"


@steps.action("later")
async def later(ctx: Context) -> str:
    async def work() -> None:
        EVENTS.append("later")

    async def fail() -> None:
        raise ValueError("late")

    ctx.later(work(), name="work")
    ctx.later(fail(), name="fail")
    return "soon"


@steps.action("about")
async def about(ctx: Context) -> dict[str, Any]:
    return {
        "language": ctx.language,
        "region": ctx.region,
        "text": ctx.t("kitchen-texts", "Hello", "you", name="cook"),
        "missing": ctx.t("kitchen-texts", "Nope"),
        "lib": ctx.lib("kitchen-lib").double(21),
        "model": ctx.model("kitchen-dish").__name__,
        "config": ctx.config("kitchen-config.motto"),
        "now": ctx.now().year > 2000,
        "raw": ctx.request.raw.decode(),
    }


@steps.action("unknown-lib")
async def unknown_lib(ctx: Context) -> Any:
    return ctx.lib("kitchen-lob")


@steps.create(responses={200: "Success", 409: "DataRecordAlreadyExist"})
async def create(ctx: Context, *, body: Order) -> Dish:
    return await ctx.db[Dish].insert(Dish(name=body.name, size=body.size))


@steps.update(responses={200: "Success", 400: "BadRequest"})
async def update(ctx: Context, *, body: Order) -> dict[str, Any]:
    return given(body)


@steps.action("error-json")
async def error_json(ctx: Context, *, error: HTTPError, guest: Guest | None) -> Response | None:
    if error.code != "Unauthorized":
        return None
    return Response({"handled": error.code, "guest": guest.name if guest else None}, 418)


@steps.action("error-fails")
def error_fails(ctx: Context, *, error: HTTPError) -> None:
    raise Conflict("FromErrorStep")
