"""What `python server.py <mode> <command>` can do, a file per topic; `core/cli.py` reads the arguments."""
