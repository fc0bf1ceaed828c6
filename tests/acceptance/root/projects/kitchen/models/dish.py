"""A model with a unique name."""

from typing import Annotated, Literal

from core import Model, rule


class Dish(Model, identity="kitchen-dish", collection="kitchen-dishes"):
    name: Annotated[str, rule("Name", unique=True)]
    size: Literal["small", "large"] = "small"
