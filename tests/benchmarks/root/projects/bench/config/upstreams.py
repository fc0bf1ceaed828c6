"""The server behind the gateway, where one is measured."""

from core import Upstream, env

behind = Upstream("behind", base_url=env("BENCH_UPSTREAM", default="http://127.0.0.1:9/bench"))
