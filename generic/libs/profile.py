"""A device's profile: what clients may tell, and what follows from it.

In: the body of a request and its User-Agent. Out: stored values by dotted name. Pure. Source: mia.js 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from core import Params, given, rule
from generic.libs.user_agent import read_group, read_system
from generic.models.device import DeviceGroup

_VERSION = r"^[0-9]{1,3}(\.[0-9]{1,3}){0,3}\Z"

Id = Annotated[str | None, rule(min_length=5, max_length=50, convert="lower", nullable=False)]
Version = Annotated[str | None, rule("Up to four numbers", min_length=1, max_length=7, match=_VERSION, nullable=False)]


class CultureProfile(Params):
    """Language and region."""

    code: Annotated[
        str | None, rule("As in `en-gb`", min_length=5, max_length=5, match=r"[a-zA-Z]{2}-[a-zA-Z]{2}", nullable=False)
    ] = None


class NamedProfile(Params):
    """An id of the platform's."""

    id: Id = None


class AppProfile(Params):
    """The app."""

    id: Annotated[str | None, rule("Id of the app", min_length=5, max_length=50, nullable=False)] = None
    version: Version = None
    vendor: Annotated[NamedProfile | None, rule(nullable=False)] = None
    advertiser: Annotated[NamedProfile | None, rule(nullable=False)] = None


class SystemProfile(Params):
    """The operating system."""

    type: Annotated[str | None, rule(min_length=2, max_length=50, convert="lower", nullable=False)] = None
    version: Version = None


class CarrierProfile(Params):
    """The network."""

    type: Annotated[str | None, rule(min_length=1, max_length=50, convert="lower", nullable=False)] = None


class ScreenProfile(Params):
    """The screen."""

    resolution: Annotated[
        str | None, rule("As in `1920x1080`", max_length=20, match=r"[0-9]{1,5}x[0-9]{1,5}", nullable=False)
    ] = None


class NotificationProfile(Params):
    """Where push messages go."""

    token: Annotated[str | None, rule("Push token", max_length=4096, nullable=False)] = None
    environment: Annotated[Literal["sandbox", "production"] | None, rule(nullable=False)] = None


class HardwareProfile(Params):
    """The device itself."""

    model: Annotated[str | None, rule(min_length=1, max_length=50, convert="lower", nullable=False)] = None
    group: Annotated[DeviceGroup | None, rule("Kind of device; else as the User-Agent says", nullable=False)] = None
    os: Annotated[SystemProfile | None, rule(nullable=False)] = None
    carrier: Annotated[CarrierProfile | None, rule(nullable=False)] = None
    screen: Annotated[ScreenProfile | None, rule(nullable=False)] = None
    notification: Annotated[NotificationProfile | None, rule(nullable=False)] = None


class DeviceProfile(Params):
    """What a device says of itself; everything else that is sent is dropped."""

    culture: Annotated[CultureProfile | None, rule(nullable=False)] = None
    app: Annotated[AppProfile | None, rule(nullable=False)] = None
    device: Annotated[HardwareProfile | None, rule(nullable=False)] = None


def build_changes(profile: DeviceProfile, user_agent: str | None) -> dict[str, Any]:
    """The stored values, by dotted name, of what was given and of what follows from it."""
    changes = dict(_flatten(given(profile)))
    if culture := changes.pop("culture.code", ""):
        changes |= {"culture.language": culture[:2].lower(), "culture.region": culture[3:].lower()}
    if app_id := changes.get("app.id"):
        changes["app.id"] = app_id.lower().replace(" ", "", 1)
    if size := re.search(r"(\d+)x(\d+)", changes.pop("device.screen.resolution", "")):
        changes |= {"device.screen.height": int(size[1]), "device.screen.width": int(size[2])}
    if user_agent is not None:
        changes["device.userAgent"] = user_agent
        system, version = read_system(user_agent)
        derived = {"device.group": read_group(user_agent), "device.os.type": system, "device.os.version": version}
        if "device.os.type" in changes:
            derived = {"device.group": derived["device.group"]}
        changes = {name: value for name, value in derived.items() if value} | changes
    return changes


def nest(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted name as a document."""
    document: dict[str, Any] = {}
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return document


def _flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat = []
    for name, value in values.items():
        inner = _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
        flat += inner
    return flat
