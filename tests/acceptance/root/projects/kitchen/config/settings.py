"""Settings and texts."""

from core import Settings, Translations


class KitchenSettings(Settings, identity="kitchen-config"):
    motto: str = "bon appetit"
    till_token: str = "1234"


texts = Translations("kitchen-texts", {"Hello": {"en": "Hello [0], says [name]", "de": "Hallo [0], sagt [name]"}})
