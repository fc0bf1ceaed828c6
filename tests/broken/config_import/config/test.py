from core import ServerSettings

settings = ServerSettings(worker=2)
