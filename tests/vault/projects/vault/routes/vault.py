"""The same paths under each way of signing, and one file of another group."""

from __future__ import annotations

from core import Body, Path, Route, Routes, Use, use

PROFILE = {"1": use("generic-deviceProfile", "1.0"), "2": use("generic-deviceProfile", "2.0")}


def _echo(name: str) -> Use:
    return use("vault-echo", "1.0", name)


def _paths() -> list[Path]:
    return [
        Path("./items", all=Route("items", chain=[_echo("all")])),
        Path("./items/*", all=Route("below", chain=[_echo("all")])),
        Path("./json", post=Route("json", chain=[_echo("json")])),
        Path("./form", post=Route("form", chain=[_echo("json")], body=Body("urlencoded"))),
        Path("./text", post=Route("text", chain=[_echo("text")])),
        Path("./raw", post=Route("raw", chain=[_echo("raw")])),
        Path("./files", post=Route("files", chain=[_echo("files")])),
        Path("./stream", post=Route("stream", chain=[_echo("stream")])),
    ]


def _files(prefix: str, before: list[Use], group: str = "vault") -> Routes:
    return Routes(group=group, prefix=prefix, before=before, paths=_paths())


def _access(version: str, **options: object) -> Use:
    return use("generic-validateAccessKey", version, options=options)


v1 = _files("/v1", [_access("1.0")])
v2 = _files("/v2", [_access("2.0")])
both = _files("/both", [_access("1.0"), _access("2.0")])
both_turned = _files("/turned", [_access("2.0"), _access("1.0")])
mixed = _files("/mixed", [_access("1.0", unsigned_body=True), _access("2.0", replay="all")])
mixed_turned = _files("/dexim", [_access("2.0", replay="all"), _access("1.0", unsigned_body=True)])
migrating = _files("/migrating", [_access("2.0", accept_v1=True)])
every_v1 = _files("/all1", [_access("1.0", replay="all")])
every_v2 = _files("/all2", [_access("2.0", replay="all")])
never = _files("/off", [_access("1.0", replay="off")])
lenient = _files("/open", [_access("1.0", unsigned_body=True)])
other_v1 = _files("/other1", [_access("1.0")], "Other")
other_v2 = _files("/other2", [_access("2.0")], "Other")

devices = Routes(
    group="vault",
    prefix="/vault",
    paths=[
        Path(
            "./1/devices",
            create=Route("register-1", chain=[PROFILE["1"]]),
            update=Route("update-1", chain=[_access("1.0"), PROFILE["1"]]),
        ),
        Path(
            "./2/devices",
            create=Route("register-2", chain=[PROFILE["2"]]),
            update=Route("update-2", chain=[_access("2.0"), PROFILE["2"]]),
        ),
        Path("./1/devices/:id/keys", create=Route("first-key", chain=[_access("1.0"), use("generic-deviceKeys")])),
        Path("./2/devices/:id/keys", create=Route("new-key", chain=[_access("2.0"), use("generic-deviceKeys")])),
        Path("./2/devices/:id/keys/:key", del_=Route("revoke", chain=[_access("2.0"), use("generic-deviceKeys")])),
        Path(
            "./devices/:id/sessions",
            create=Route("session", chain=[use("generic-accessKeyService"), use("generic-generateSession")]),
        ),
        Path("./me", get=Route("me", chain=[use("generic-validateSession"), _echo("all")])),
    ],
)
strict = Routes(
    group="vault",
    prefix="/strict",
    paths=[
        Path(
            "./devices",
            create=Route("register", chain=[use("generic-deviceProfile", "2.0", options={"per_minute": 3})]),
        )
    ],
)
other_session = Routes(
    group="other",
    prefix="/other",
    paths=[Path("./me", get=Route("other-me", chain=[use("generic-validateSession"), _echo("all")]))],
)
