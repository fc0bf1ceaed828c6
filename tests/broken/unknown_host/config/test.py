from core import Host, ServerSettings

settings = ServerSettings(hosts=[Host("api", names=["api.example.com"])], default_output=None)
