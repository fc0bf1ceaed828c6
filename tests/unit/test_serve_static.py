"""Public folders: what is found at the start is served, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import Misdirected
from core.link.linked import LinkedFolder
from core.serve.hosts import Hosts
from core.serve.static import StaticFiles
from core.settings import Host


def find_files(*folders: tuple[str, str]) -> StaticFiles:
    """Those of (prefix, folder), on every host."""
    return StaticFiles((LinkedFolder(*folder) for folder in folders), Hosts())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    public = tmp_path / "public"
    for name in ("index.html", "app.js", "sub/index.html", "sub/a b.css", "sub/deep/x.txt", ".env", ".git/config"):
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_text(name)
    (tmp_path / "public-secret").mkdir()
    (tmp_path / "public-secret" / "key").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (public / "out.txt").symlink_to(tmp_path / "outside.txt")
    (public / "outdir").symlink_to(tmp_path / "public-secret")
    (public / "inside.js").symlink_to(public / "app.js")
    (public / "broken").symlink_to(public / "nothing")
    (public / ".hidden.js").symlink_to(public / "app.js")
    return public


FOUND = {
    "/x/index.html": "index.html",
    "/x/": "index.html",
    "/x/app.js": "app.js",
    "/x/inside.js": "app.js",
    "/x/sub/": "sub/index.html",
    "/x/sub/index.html": "sub/index.html",
    "/x/sub/a b.css": "sub/a b.css",
    "/x/sub/deep/x.txt": "sub/deep/x.txt",
}


def test_what_is_served(root: Path) -> None:
    files = find_files(("/x", str(root)))
    for path, name in FOUND.items():
        file = files.find(path, "")
        assert file is not None, path
        assert file.path == root / name
        assert file.header("cache-control") == "public, max-age=0"
        assert file.header("x-content-type-options") == "nosniff"
    assert files._files.keys() == {*FOUND, *REDIRECTED}


REDIRECTED = {"/x": "/x/", "/x/sub": "/x/sub/"}


@pytest.mark.parametrize(("path", "location"), REDIRECTED.items())
def test_a_folder_named_without_its_slash_is_a_redirect(path: str, location: str, root: Path) -> None:
    answer = find_files(("/x", str(root))).find(path, "")
    assert (answer.status, answer.header("location")) == (301, location)


MISSES = [
    "/x/.env",
    "/x/.git/config",
    "/x/.hidden.js",
    "/x/out.txt",
    "/x/outdir/key",
    "/x/outdir",
    "/x/broken",
    "/x/../outside.txt",
    "/x/sub/../../outside.txt",
    "/x/sub/../app.js",
    "/x/./app.js",
    "/x//app.js",
    "/x/APP.JS",
    "/X/app.js",
    "/x/app.js/",
    "/x/app.js\0",
    "/x/app.js%00",
    "/x/%61pp.js",
    "/x/sub/deep",
    "/x/sub/deep/",
    "/x-secret/key",
    "/x/sub\\deep\\x.txt",
    "/app.js",
    "",
    "/",
]


@pytest.mark.parametrize("path", MISSES, ids=[repr(path) for path in MISSES])
def test_http_12_g02_nothing_else_is_served(path: str, root: Path) -> None:
    assert find_files(("/x", str(root))).find(path, "") is None


def test_http_12_every_spelling_of_a_way_out_misses(root: Path) -> None:
    files = find_files(("/x", str(root)), ("", str(root / "sub")))
    ups = ["..", "%2e%2e", "..%2f", ".%2e", "....", "..;", "..\\", "%252e%252e", "\uff0e\uff0e", "..%c0%af", "/"]
    targets = ["outside.txt", "public-secret/key", "public/.env", "etc/passwd", str(root.parent / "outside.txt")]
    paths = [
        f"{start}{slash.join([up] * depth)}{slash}{target}"
        for start in ("/x/", "/", "/x/sub/", "//")
        for up in ups
        for slash in ("/", "%2f", "\\")
        for depth in (1, 2, 5)
        for target in targets
    ]
    assert len(paths) >= 500
    assert [path for path in paths if files.find(path, "") is not None] == []


def test_several_folders_the_first_wins(root: Path) -> None:
    files = find_files(("/", str(root / "sub")), ("", str(root)), ("/y/", str(root)))
    assert files.find("/index.html", "").path == root / "sub" / "index.html"
    assert files.find("/", "").path == root / "sub" / "index.html"
    assert files.find("/app.js", "").path == root / "app.js"
    assert files.find("/y/app.js", "").path == root / "app.js"


ON_HOSTS = {
    ("api.example", "/x/app.js"): "app.js",
    ("api.example", "/x/x.txt"): None,
    ("admin.example", "/x/x.txt"): "sub/deep/x.txt",
    ("admin.example", "/x/app.js"): None,
    ("admin.example", "/x/"): None,
    ("admin.example", "/all/app.js"): "app.js",
    ("api.example", "/all/app.js"): "app.js",
}


@pytest.mark.parametrize(("host", "path"), ON_HOSTS, ids=str)
def test_g08_b07_a_folder_is_on_the_hosts_of_its_file(host: str, path: str, root: Path) -> None:
    folders = [
        LinkedFolder("/x", str(root), ("api",)),
        LinkedFolder("/x", str(root / "sub" / "deep"), ("admin",)),
        LinkedFolder("/all", str(root)),
    ]
    files = StaticFiles(folders, Hosts([Host("api", ["api.example"]), Host("admin", ["admin.example"])]))
    file, name = files.find(path, host), ON_HOSTS[host, path]
    assert (file and file.path) == (name and root / name)
    with pytest.raises(Misdirected):
        files.find(path, "elsewhere.example")
    assert files.find("/y", "elsewhere.example") is None


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert not find_files(("/x", str(tmp_path / "nothing")))._files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipes_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not find_files(("/x", str(tmp_path)))._files
