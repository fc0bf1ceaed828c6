"""Settings and texts of the shop."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from core import (
    KIB,
    LOCAL,
    CronSettings,
    Culture,
    Docs,
    Host,
    Http,
    Limits,
    Log,
    Mongo,
    Project,
    Secret,
    ServerSettings,
    Settings,
    Timeouts,
    Translations,
    env,
    factory,
    rule,
)

project = Project("shop", requires=["shared"])


class ShopSettings(Settings, identity="shop-config"):
    title: Annotated[str, rule("Title", max_length=40)] = "Shop"
    names: list[str] = factory(list[str])
    key: Secret = Secret("")


texts = Translations("shop-texts", {"NoKey": {"en": "No key [0].", "de": {"de": "Kein Schlüssel [0].", "at": "Na."}}})

base = ServerSettings(
    listen=[Http(port=env("PORT", default=3000))],
    hosts=[Host("api", names=["api.example.com", "*.example.com"])],
    databases={"main": Mongo(url=env("MONGO", default=LOCAL)), "logs": Mongo("mongodb://logs", name="logs")},
    limits=Limits(body_bytes=64 * KIB),
    timeouts=Timeouts(request_s=5),
    cron=CronSettings(enabled=False),
    docs=Docs(title="Shop"),
    culture=Culture("de", "at"),
    log=Log(level="warn"),
    projects={"shop-config": {"title": "Other"}},
)
settings = replace(base, workers=4)
