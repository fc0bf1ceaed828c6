from core import ServerSettings

settings = ServerSettings(
    default_output=("generic-defaultJSONResponse", "1.0"),
)
