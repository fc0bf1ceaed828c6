from core import ServerSettings

settings = ServerSettings(
    default_output=None,
    projects={
        "demo-config": {"titel": "Todos", "size": "large"},
        "demo-confg": {"title": "Todos"},
    },
)
