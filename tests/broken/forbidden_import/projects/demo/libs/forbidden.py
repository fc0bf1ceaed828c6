from typing import TYPE_CHECKING

from config.base import settings
from projects.shop import libs
from projects.shop.libs.prices import lib

if TYPE_CHECKING:
    from ...bakery.models.bread import Bread
