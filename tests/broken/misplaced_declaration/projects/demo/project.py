from core import Lib

lib = Lib("demo-lib")
