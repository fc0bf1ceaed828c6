from core import ServerSettings

settings = ServerSettings()
