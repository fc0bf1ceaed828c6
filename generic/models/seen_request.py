"""Requests that were accepted lately, so that none is accepted twice, on whichever server it arrives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from core import Model, rule


class SeenRequest(Model, identity="generic-seenRequestModel", version="1.0", collection="seenRequests"):
    """`_id` names the request; MongoDB removes the document after `exp`, when its signature has long expired."""

    oid: Annotated[str, rule(max_length=200)]
    exp: Annotated[datetime, rule(index=True, index_options={"expireAfterSeconds": 0})]
