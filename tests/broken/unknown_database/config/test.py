from core import Mongo, ServerSettings

settings = ServerSettings(databases={"main": Mongo(url="mongodb://127.0.0.1")}, default_output=None)
