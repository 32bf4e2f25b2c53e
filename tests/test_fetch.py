"""Downloads of images from a mirror of this machine: whole and right, or nothing changed."""

import contextlib
import http.server
import socket
import threading
from types import SimpleNamespace

import pytest
from image_files import put
from refusals import refused

from gan_jax.commands.fetch import Fetch
from gan_jax.files import images
from gan_jax.files.download import fetch
from gan_jax.files.images import find, load_images


@pytest.fixture
def mirror(monkeypatch):
    """A server on this machine: `mirror.serve("a", answers)`; its URL; what it was asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answers, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body, length = answers.get(self.path, (404, b"", 0))
            self.send_response(status)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            with contextlib.suppress(OSError):  # hung up on: of the endless one, it must be
                for chunk in [body] if isinstance(body, bytes) else body:
                    self.wfile.write(chunk)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    def serve(folder, packed, status=200, lengths=len):
        for name, body in packed.items():
            answers[f"/{folder}/{name}.gz"] = (status, body, lengths(body))
        return f"{url}/{folder}/"

    yield SimpleNamespace(serve=serve, url=url, asked=asked)
    server.shutdown()
    server.server_close()


def refusing_port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return closed.getsockname()[1]


def test_fetch_downloads_what_load_then_reads(collections, mirror, capsys):
    good = mirror.serve("good", collections.mnist)
    folder = fetch("mnist", mirrors=[good])
    assert folder == collections.cache / "mnist" == find("mnist")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.gz" for name in collections.mnist
    )
    for name, content in collections.mnist.items():
        assert (folder / f"{name}.gz").read_bytes() == content
    assert load_images("mnist").test_labels.tolist() == [0, 1]
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 4 and good in printed.out and not printed.err

    mirror.asked.clear()
    assert fetch("mnist", mirrors=[good]) == folder and not mirror.asked  # nothing to do
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    fetch("mnist", mirrors=[good], progress=False)
    assert mirror.asked == ["/good/t10k-labels-idx1-ubyte.gz"]
    assert load_images("mnist").test_labels.tolist() == [0, 1]
    assert not capsys.readouterr().out


def endless(body):
    yield body
    while True:
        yield bytes(100_000)


@pytest.mark.parametrize(
    "fault, answer",
    [
        (404, dict(status=404)),
        (500, dict(status=500)),
        ("truncated", dict(change=lambda body: body[:-5])),
        ("broken off", dict(change=lambda body: body[:-5], lengths=lambda body: len(body) + 5)),
        ("another file", dict(change=lambda body: body[:-1] + b"x")),
        ("empty", dict(change=lambda body: b"")),
        ("endless", dict(change=endless, lengths=lambda body: None)),
        ("refused", None),
    ],
)
def test_the_next_mirror_is_asked_where_the_first_fails(collections, mirror, fault, answer):
    good = mirror.serve("good", collections.mnist)
    if answer is None:
        bad = f"http://127.0.0.1:{refusing_port()}/"
    else:
        change = answer.pop("change", bytes)
        changed = {name: change(body) for name, body in collections.mnist.items()}
        bad = mirror.serve("bad", changed, **answer)
    folder = fetch("mnist", mirrors=[bad, good], progress=False)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.gz" for name in collections.mnist
    )
    assert load_images("mnist").test_labels.tolist() == [0, 1]
    # The one that answered is the first to be asked for the other files.
    assert sum(path.startswith("/bad/") for path in mirror.asked) == (answer is not None)


def test_where_no_mirror_has_it_one_line_says_what_to_do(collections, mirror):
    offline = f"http://127.0.0.1:{refusing_port()}/"
    other = mirror.serve("other", collections.fashion_mnist)
    line = refused(
        lambda: fetch("mnist", mirrors=[offline, f"{mirror.url}/nothing", other]),
        f"{offline} does not answer",
        f"{mirror.url}/nothing/ says HTTP 404",
        f"{other} has another file",
        str(collections.cache / "mnist"),
    )
    assert all(f"{name}.gz" in line for name in collections.mnist)
    assert not (collections.cache / "mnist").exists()  # nothing is left behind
    refused(lambda: find("mnist"), "gan-jax fetch mnist")


def test_a_download_that_fails_leaves_what_was_there(collections, mirror):
    folder = put(collections.cache / "mnist", collections.mnist)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"mine")
    refused(lambda: fetch("mnist", mirrors=[f"{mirror.url}/nothing/"]), "HTTP 404")
    assert path.read_bytes() == b"mine" and len(list(folder.iterdir())) == 4


def test_fetch_refuses_what_is_no_mirror_no_collection_no_folder(collections, mirror, written):
    refused(lambda: fetch("mnist", mirrors=["file:///etc/"]), "'file:///etc/'", "https://")
    refused(lambda: fetch("mnits"), "did you mean 'mnist'?")
    good = mirror.serve("good", collections.mnist)
    file = written(b"a file")
    refused(lambda: fetch("mnist", file, mirrors=[good]), str(file))
    refused(lambda: fetch("mnist", mirrors=["http://[::bad/"]), "no mirror has")


def test_fetch_does_not_put_one_collection_over_another(collections, mirror, tmp_path, monkeypatch):
    folder = put(tmp_path / "data", collections.mnist)
    monkeypatch.setenv(images.DATA_VARIABLE, str(folder))
    assert fetch("mnist", mirrors=[f"{mirror.url}/nothing/"]) == folder
    fashion = fetch("fashion_mnist", mirrors=[mirror.serve("fashion", collections.fashion_mnist)])
    assert fashion == folder / "fashion_mnist" == find("fashion_mnist")
    assert find("mnist") == folder and load_images("mnist").test_labels.tolist() == [0, 1]


def test_the_command_says_where_the_files_are(collections, mirror, tmp_path, monkeypatch, capsys):
    good = mirror.serve("good", collections.mnist)
    Fetch(what="mnist", data_dir=tmp_path / "data", mirror=(good,)).run()
    printed = capsys.readouterr().out
    assert f"mnist: {tmp_path / 'data' / 'mnist'}\n" in printed
    assert f"export GAN_JAX_DATA={tmp_path / 'data'}\n" in printed
    monkeypatch.setenv(images.DATA_VARIABLE, str(tmp_path / "data"))
    Fetch(what="mnist").run()
    assert capsys.readouterr().out == f"mnist: {tmp_path / 'data' / 'mnist'}\n"
