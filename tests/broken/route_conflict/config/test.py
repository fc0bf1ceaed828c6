from core import Host, ServerSettings

settings = ServerSettings(
    hosts=[Host("api", names=["api.example.com"]), Host("www", names=["www.example.com"])],
    default_output=None,
)
