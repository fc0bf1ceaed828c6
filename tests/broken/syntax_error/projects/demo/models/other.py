from core import Modell
