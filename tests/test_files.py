"""Image files: found, downloaded, verified, or refused in one line, whatever is in them."""

import contextlib
import gzip
import hashlib
import http.server
import os
import socket
import struct
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import get_args, get_type_hints

import numpy as np
import pooch
import pytest
from refusals import frugal, refused

from gan_jax.commands.fetch import Fetch
from gan_jax.files import images
from gan_jax.files.download import fetch
from gan_jax.files.idx import LARGEST_OVERHEAD, read_idx
from gan_jax.files.images import (
    COLLECTIONS,
    Collection,
    ImageFile,
    check_present,
    find,
    load_images,
)

REAL = Path(__file__).parents[2] / "shared" / "data"


def idx_bytes(values):
    values = np.asarray(values, np.uint8)
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


def pictures(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 4, 3)).astype(np.uint8)


@pytest.fixture
def written(tmp_path):
    """Write bytes to a file: `written(content, name)` -> its path."""

    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


# IDX


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_idx_is_read_by_its_content_not_by_its_name(written, pack):
    content = idx_bytes(pictures(5))
    for name in ("images.gz", "images"):
        values, sha256 = read_idx(written(pack(content), name), (5, 4, 3))
        np.testing.assert_array_equal(values, pictures(5))
        assert values.dtype == np.uint8 and not values.flags.writeable
        assert sha256 == hashlib.sha256(content).hexdigest()
    labels, _ = read_idx(written(pack(idx_bytes([9, 0, 5]))), (3,), largest=9)
    assert labels.tolist() == [9, 0, 5]


GOOD = idx_bytes(pictures(5))


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", ["empty", "5 x 4 x 3"]),
        (GOOD[:3], ["starts with 000008", "00000803"]),
        (GOOD[:10], ["truncated, in its header"]),
        (GOOD[:-1], ["truncated", "expected 60 bytes"]),
        (GOOD + b"\0", ["something follows"]),
        (b"\x89PNG\r\n" + GOOD, ["starts with 89504e47"]),
        (idx_bytes(range(5)), ["starts with 00000801", "dimensions: 3"]),
        (b"\0\0\x0d\x03" + GOOD[4:], ["starts with 00000d03", "unsigned bytes"]),  # floats
        (idx_bytes(pictures(6)), ["holds 6 x 4 x 3 bytes", "expected 5 x 4 x 3"]),
        (GOOD[:4] + b"\xff" * 12 + GOOD[16:], ["4294967295 x 4294967295"]),
        (GOOD[:4] + bytes(12), ["holds 0 x 0 x 0"]),
    ],
)
def test_idx_that_is_not_as_it_must_be_is_refused(written, content, words):
    for path in (written(content, "plain"), written(gzip.compress(content), "gzipped")):
        with frugal():
            refused(lambda path=path: read_idx(path, (5, 4, 3)), str(path), *words)


def test_idx_labels_beyond_the_classes_are_refused_by_row(written):
    path = written(idx_bytes([1, 9, 10, 200]))
    refused(lambda: read_idx(path, (4,), largest=9), "row 2 holds 10", "0 to 9")


def test_damaged_gzip_is_refused(written):
    packed = gzip.compress(GOOD)
    wrong_sum = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    for content in (packed[:-9], packed[:12], wrong_sum, packed[:10] + b"\xff" * 20, packed + b"x"):
        path = written(content)
        refused(lambda path=path: read_idx(path, (5, 4, 3)), str(path), "damaged gzip")


def test_a_gzip_bomb_is_expanded_no_further_than_the_shape(written):
    bomb = written(gzip.compress(GOOD + bytes(90_000_000)))
    assert bomb.stat().st_size < LARGEST_OVERHEAD  # not refused for its size: it is opened
    with frugal():
        refused(lambda: read_idx(bomb, (5, 4, 3)), "something follows")


def test_a_file_longer_than_its_shape_can_be_is_not_even_opened(tmp_path, monkeypatch):
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened"))
    refused(lambda: read_idx(path, (5, 4, 3)), "longer than 5 x 4 x 3 bytes")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    refused(lambda: read_idx(tmp_path / "absent", (5,)), "absent", "No such file")
    refused(lambda: read_idx(tmp_path, (5,)), "a folder or a device")
    refused(lambda: read_idx(tmp_path / "pipe", (5,)), "a folder or a device")
    refused(lambda: read_idx(Path("a\0b"), (5,)), "null")


# Collections


def tiny(seed, hashed=True, mirrors=("https://example.invalid/",)):
    """A collection of four tiny files, and their decompressed bytes by name."""
    train, test = pictures(6, seed), pictures(2, seed + 1)
    contents = {
        "train-images-idx3-ubyte": train,
        "train-labels-idx1-ubyte": (np.arange(6) + seed) % 10,
        "t10k-images-idx3-ubyte": test,
        "t10k-labels-idx1-ubyte": (np.arange(2) + seed) % 10,
    }
    files, packed = [], {}
    for name, values in contents.items():
        content = idx_bytes(values)
        packed[name] = gzip.compress(content, mtime=0)
        sums = [hashlib.sha256(each).hexdigest() for each in (packed[name], content)]
        file = ImageFile(
            name, values.shape, len(packed[name]), sums[0], sums[1] if hashed else None
        )
        files.append(file)
    return Collection(mirrors, tuple(files)), packed


@pytest.fixture
def collections(monkeypatch, tmp_path):
    """Tiny collections in place of the real ones, an empty cache, no GAN_JAX_DATA."""
    mnist, packed = tiny(0)
    fashion, fashion_packed = tiny(23, hashed=False)
    monkeypatch.setitem(COLLECTIONS, "mnist", mnist)
    monkeypatch.setitem(COLLECTIONS, "fashion_mnist", fashion)
    monkeypatch.delenv(images.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    cache = tmp_path / "cache" / "gan_jax"
    return SimpleNamespace(mnist=packed, fashion_mnist=fashion_packed, cache=cache)


def put(folder, packed, rename=lambda name: f"{name}.gz", repack=bytes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in packed.items():
        (folder / rename(name)).write_bytes(repack(content))
    return folder


SPELLINGS = [
    (lambda name: f"{name}.gz", bytes),
    (lambda name: f"{name}.gz", lambda packed: gzip.compress(gzip.decompress(packed), 1)),
    (lambda name: name, gzip.decompress),
    (lambda name: name.replace("-idx", ".idx"), gzip.decompress),
    (lambda name: name.replace("-idx", ".idx") + ".gz", bytes),
]


@pytest.mark.parametrize("rename, repack", SPELLINGS)
@pytest.mark.parametrize("subfolder", ["mnist", "."])
def test_images_are_found_in_every_spelling(
    collections, tmp_path, monkeypatch, subfolder, rename, repack
):
    put(tmp_path / "data" / subfolder, collections.mnist, rename, repack)
    monkeypatch.setenv(images.DATA_VARIABLE, str(tmp_path / "data"))
    check_present("mnist")
    loaded = load_images("mnist")
    np.testing.assert_array_equal(loaded.train_images, pictures(6))
    np.testing.assert_array_equal(loaded.test_images, pictures(2, 1))
    assert loaded.train_labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert loaded.test_labels.tolist() == [0, 1]
    assert load_images("mnist") is loaded


def test_images_are_looked_for_in_the_named_folder_alone_else_in_the_cache(
    collections, tmp_path, monkeypatch
):
    line = refused(lambda: check_present("mnist"), "gan-jax fetch mnist", images.DATA_VARIABLE)
    assert str(collections.cache / "mnist") in line and "t10k-labels-idx1-ubyte.gz" in line
    folder = put(collections.cache / "mnist", collections.mnist)
    assert find("mnist") == folder
    monkeypatch.setenv(images.DATA_VARIABLE, "")
    assert find("mnist") == folder
    monkeypatch.setenv(images.DATA_VARIABLE, str(tmp_path / "other"))
    refused(lambda: find("mnist"), str(tmp_path / "other"), "gan-jax fetch mnist --data-dir")


def test_an_incomplete_collection_says_what_is_missing(collections):
    folder = put(collections.cache / "mnist", collections.mnist)
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    line = refused(lambda: load_images("mnist"), "put t10k-images-idx3-ubyte.gz into")
    assert "train-images" not in line
    (folder / "t10k-images-idx3-ubyte.gz").touch()
    refused(lambda: check_present("mnist"), "t10k-images-idx3-ubyte.gz: empty")
    refused(lambda: check_present("minst"), "did you mean 'mnist'?")


def test_images_that_were_not_published_are_refused(collections):
    folder = put(collections.cache / "mnist", collections.mnist)
    load_images("mnist")
    changed = pictures(6)
    changed[3, 0, 0] ^= 1
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(changed)))
    images._load.cache_clear()
    refused(lambda: load_images("mnist"), "train-images-idx3-ubyte.gz: SHA-256", "as published")


def test_one_collection_in_another_s_place_is_told(collections):
    put(collections.cache / "fashion_mnist", collections.fashion_mnist)
    assert load_images("fashion_mnist").train_labels.tolist() == [3, 4, 5, 6, 7, 8]
    put(collections.cache / "fashion_mnist", collections.mnist)
    images._load.cache_clear()
    refused(lambda: load_images("fashion_mnist"), "holds mnist")


def test_the_real_mnist_is_read_and_verified(monkeypatch):
    if not (REAL / "mnist").is_dir():
        pytest.skip(f"no MNIST in {REAL}")
    monkeypatch.setenv(images.DATA_VARIABLE, str(REAL))
    mnist = load_images("mnist")
    assert [x.shape for x in mnist] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert all(x.dtype == np.uint8 and not x.flags.writeable for x in mnist)
    assert mnist.train_images.max() == 255 and np.all(mnist.train_images[:, 0, 0] == 0)
    assert fetch("mnist", mirrors=["http://127.0.0.1:9/"]) == REAL / "mnist"  # there and right
    images._load.cache_clear()


def test_what_was_published_is_written_down_whole():
    assert get_args(get_type_hints(Fetch)["what"]) == tuple(COLLECTIONS)
    for collection in COLLECTIONS.values():
        assert [file.shape[0] for file in collection.files] == [60000, 60000, 10000, 10000]
        assert all(mirror.startswith("https://") for mirror in collection.mirrors)
        hashes = [file.gzip_sha256 for file in collection.files]
        hashes += [file.sha256 for file in collection.files if file.sha256]
        assert len(set(hashes)) == len(hashes) and {len(each) for each in hashes} == {64}


# Downloads


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
