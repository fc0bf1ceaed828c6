from core import Translations

good = Translations("demo-good", {"Hello": {"en": "Hello", "de": {"de": "Hallo", "at": "Servus"}}})
flat = Translations("demo-flat", {"Hello": "Hello"})
deep = Translations("demo-deep", {"Hello": {"en": {"gb": {"x": "Hello"}}}})
none = Translations("demo-none", {"Hello": {"en": {}}})
