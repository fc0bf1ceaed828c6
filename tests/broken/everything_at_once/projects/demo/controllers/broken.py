from core import Controller

broken = Controller("demo-broken")
broken.list(
