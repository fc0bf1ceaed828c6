from core import LOCAL, Culture, Http, Log, Mongo, ServerSettings, env

settings = ServerSettings(
    listen=[Http(port=70000)],
    workers="two",
    databases={
        "main": Mongo(url=env("CATENA_TEST_BROKEN_URL")),
        "logs": Mongo(url="postgres://user:hidden@host", pool_size=0),
    },
    default_database="mian",
    log=Log(level="inf"),
    debug="no",
    culture=Culture("english", "gb"),
)
