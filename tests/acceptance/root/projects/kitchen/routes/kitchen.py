"""One route for each kind of step."""

from core import Body, Path, Route, Routes, use
from projects.kitchen.controllers.steps import (
    about,
    crash,
    create,
    door,
    finish,
    forever,
    greet,
    later,
    limited,
    mark,
    maybe,
    never,
    provide_around,
    redirect,
    replace_error,
    respond,
    slow_thread,
    stream,
    swallow_error,
    timed,
    twice,
    unknown_lib,
    update,
    welcome,
)

ERROR = use("kitchen-steps", "1.0", "error-json")

api = Routes(
    group="kitchen",
    name="Kitchen",
    prefix="/kitchen",
    paths=[
        Path("./greet", get=Route("greet", chain=[maybe, greet])),
        Path("./welcome", get=Route("welcome", chain=[door, welcome], errors=[ERROR])),
        Path("./plain", get=Route("plain", chain=[slow_thread])),
        Path("./limited", get=Route("limited", chain=[limited.with_options({"most": 3})])),
        Path("./around", get=Route("around", chain=[timed, provide_around, welcome])),
        Path("./around-crash", get=Route("around-crash", chain=[timed, crash])),
        Path("./twice", get=Route("twice", chain=[twice])),
        Path("./replaced", get=Route("replaced", chain=[replace_error, crash])),
        Path("./swallowed", get=Route("swallowed", chain=[swallow_error, crash])),
        Path("./respond", get=Route("respond", chain=[respond, never])),
        Path("./stream", get=Route("stream", chain=[stream])),
        Path("./redirect", get=Route("redirect", chain=[redirect])),
        Path("./crash", get=Route("crash", chain=[crash])),
        Path(
            "./error-fails",
            get=Route("error-fails", chain=[crash], errors=[use("kitchen-steps", "1.0", "error-fails")]),
        ),
        Path("./forever", get=Route("forever", chain=[timed, forever], timeout_s=0.2)),
        Path("./later", get=Route("later", chain=[later])),
        Path("./about", get=Route("about", chain=[about]), post=Route("about-post", chain=[update, about])),
        Path("./unknown-lib", get=Route("unknown-lib", chain=[unknown_lib])),
        Path("./old", get=Route("old", chain=[slow_thread], deprecated=True)),
        Path(
            "./dish",
            create=Route("dish", chain=[create]),
            put=Route("order", chain=[use("kitchen-steps", "1.0", "update")], parameter_overflow="block"),
            patch=Route("order-log", chain=[update], parameter_overflow="log"),
        ),
        Path("./small", post=Route("small", chain=[update], body=Body(limit_bytes=64))),
    ],
)

after = Routes(
    group="kitchen",
    name="Kitchen, finished",
    prefix="/finished",
    after=[mark],
    paths=[Path("./early", get=Route("early", chain=[finish, never]))],
)
