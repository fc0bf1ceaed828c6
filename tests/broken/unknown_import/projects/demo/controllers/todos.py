from core import Context, Controler
from nowhere_to_be_found import anything
