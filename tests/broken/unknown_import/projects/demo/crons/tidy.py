from core import Controller

tidy = Controller("demo-tidy", verison="2.0")
tidy.lst
