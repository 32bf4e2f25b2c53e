"""IDX files: read by their content, or refused in one line, whatever is in them."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from image_files import idx_bytes, pictures
from refusals import frugal, refused

from gan_jax.files.idx import LARGEST_OVERHEAD, read_idx


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
