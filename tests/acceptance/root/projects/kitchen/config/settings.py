"""Settings and texts."""

from core import Settings, Translations


class KitchenSettings(Settings, identity="kitchen-config"):
    motto: str = "bon appetit"


texts = Translations("kitchen-texts", {"Hello": {"en": "Hello [0], says [name]", "de": "Hallo [0], sagt [name]"}})
