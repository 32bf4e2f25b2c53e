"""A user's own array: what its rows are, or one line saying why it is refused; never unpickled."""

import io
import os
import struct

import numpy as np
import pytest
from refusals import frugal, refused

from gan_jax.files import arrays
from gan_jax.files.arrays import ArrayFacts, check_array, load_array, split_rows


def test_what_is_no_file_is_refused(tmp_path):
    refused(lambda: check_array(tmp_path / "absent.npy"), "absent.npy", "No such file")
    refused(lambda: load_array(tmp_path), "a folder or a device")
    refused(lambda: check_array("a\0b"), "null")


def npy_bytes(header, content=b"", version=(1, 0), claimed=None):
    text = header if isinstance(header, bytes) else header.encode()
    length = struct.pack("<H" if version == (1, 0) else "<I", claimed or len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + content


def header(shape="(4, 3)", descr="'<f4'", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n"


@pytest.mark.parametrize(
    "shape, dtype, facts",
    [
        ((12,), "f8", ((1,), "float32", 12, "points")),
        ((12, 2), "f4", ((2,), "float32", 12, "points")),
        ((12, 1), "f2", ((1,), "float32", 12, "points")),
        ((12, 7, 1), "f8", ((7,), "float32", 12, "sequences")),
        ((12, 4, 5, 1), "f4", ((4, 5, 1), "float32", 12, "images")),
        ((12, 4, 5, 3), "f8", ((4, 5, 3), "float32", 12, "images")),
        ((12, 4, 5), "u1", ((4, 5, 1), "uint8", 12, "images")),
        ((12, 4, 5, 3), "u1", ((4, 5, 3), "uint8", 12, "images")),
    ],
)
def test_a_type_and_a_shape_say_what_rows_are(tmp_path, shape, dtype, facts):
    values = np.random.default_rng(0).uniform(0, 1, shape) * (255 if dtype == "u1" else 1)
    for order, endian in ("C<", "F<", "C>", "F>"):
        saved = np.asarray(values.astype(endian + dtype), order=order)
        path = tmp_path / f"{order}{ord(endian)}.npy"
        np.save(path, saved)
        assert check_array(str(path), 12) == ArrayFacts(*facts)
        rows = load_array(path)
        assert rows.dtype == facts[1] and rows.dtype.isnative and rows.shape == (12, *facts[0])
        np.testing.assert_array_equal(rows, saved.reshape(rows.shape).astype(rows.dtype))
        assert rows.flags.c_contiguous and not rows.flags.writeable
        assert load_array(path) is rows


@pytest.mark.parametrize(
    "shape, dtype",
    [
        ((), "f4"),
        ((12, 4, 5), "f4"),  # an image without its channel, or several sequences: not guessed
        ((12, 3, 4, 5), "f4"),  # channels first
        ((12, 2, 2, 2, 1), "f4"),
        ((12,), "u1"),
        ((12, 5), "u1"),
        ((12, 4), "i8"),
        ((12, 4), "?"),
        ((12, 4), "c8"),
        ((12, 4), "g"),
        ((12, 4), "U3"),
        ((12, 4), "M8[s]"),
        ((12, 4), [("x", "f4"), ("y", "f4")]),
    ],
)
def test_other_types_and_shapes_are_refused(tmp_path, shape, dtype):
    path = tmp_path / "array.npy"
    np.save(path, np.zeros(shape, dtype))
    refused(lambda: check_array(path), str(path), "given, expected float [n], [n, d]")


class WritesWhenUnpickled:
    """What a hostile pickle does: anything at all, here to create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_python_objects_are_never_unpickled(tmp_path):
    proof, path = tmp_path / "proof", tmp_path / "array.npy"
    hostile = np.array([WritesWhenUnpickled(proof)] * 3, dtype=object)
    np.save(path, hostile, allow_pickle=True)
    for read in (check_array, load_array):
        refused(lambda read=read: read(path), "Python objects", "not read")
    assert not proof.exists()
    np.load(path, allow_pickle=True)
    assert proof.exists()  # it would have


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", ["not a .npy file"]),
        (b"1,2,3\n", ["not a .npy file", "numpy.save"]),
        (b"PK\x03\x04rest", ["an .npz or zip archive"]),
        (b"\x93NUMPY", ["damaged header"]),
        (b"\x93NUMPY\x01\x00\xff\xff{", ["damaged header"]),
        (npy_bytes(header(), version=(9, 9)), ["damaged header"]),
        (npy_bytes(header(), version=(2, 0), claimed=2**32 - 1), ["damaged header"]),
        (npy_bytes("(" * 1900), ["damaged header"]),
        (npy_bytes("-" * 1900 + "1"), ["damaged header"]),
        (npy_bytes("[" + "9" * 1900 + "]"), ["damaged header"]),
        (npy_bytes("__import__('os').abort()"), ["damaged header"]),
        (npy_bytes("{}" + " " * 2_000), ["damaged header"]),
        (npy_bytes(b"{'\xff\x00': 1}"), ["damaged header"]),
        (npy_bytes(header(descr="'nothing'")), ["damaged header"]),
        (npy_bytes(header(shape="(-4, -3)")), ["damaged header"]),
        (npy_bytes(header(shape="(True, 3)")), ["damaged header"]),
        (npy_bytes(header(shape=f"(1{'0' * 1500}, 3)")), ["damaged header"]),
        (npy_bytes(header(shape="(4,)" + "+(1,)" * 99)), ["damaged header"]),
        (npy_bytes(header(shape=f"({'1,' * 65})")), ["damaged header"]),
        (npy_bytes(header(shape="(1000000000, 3)"), bytes(48)), ["truncated: ", "12000000"]),
        (npy_bytes(header(shape="(4000000000, 3)"), bytes(48)), ["4000000000 rows"]),
        (npy_bytes(header(shape="(4, 1000001)"), bytes(48)), ["of 1000001 numbers"]),
        (npy_bytes(header(shape="(4, 0)")), ["of 0 numbers"]),
        (npy_bytes(header(shape="(0, 3)")), ["holds 0 rows, expected at least 2"]),
        (npy_bytes(header(), bytes(47)), ["truncated"]),
        (npy_bytes(header(), bytes(49)), ["something follows"]),
        (npy_bytes(header(descr="'|O'"), bytes(48)), ["Python objects"]),
        (npy_bytes(header(descr="'(1000000,)f4'"), bytes(48)), ["given, expected"]),
    ],
)
def test_hostile_arrays_are_refused_by_their_header(tmp_path, content, words):
    path = tmp_path / "array.npy"
    path.write_bytes(content)
    for read in (check_array, load_array):
        with frugal():
            refused(lambda read=read: read(path), "array.npy", *words)


@pytest.mark.parametrize(
    "value, dtype, shown",
    [
        (np.nan, "f4", "row 7 holds nan, expected finite"),
        (-np.inf, "f2", "row 7 holds -inf"),
        (1e300, "f8", "row 7 holds 1e+300, expected finite float32 numbers"),
    ],
)
def test_the_first_row_that_is_not_finite_is_named(tmp_path, monkeypatch, value, dtype, shown):
    monkeypatch.setattr(arrays, "BLOCK", 6)  # two rows at a time: it is in the fourth block
    values = np.zeros((12, 3), dtype)
    values[7, 1] = values[9] = value
    for order in "CF":
        path = tmp_path / f"{order}.npy"
        np.save(path, np.asarray(values, order=order))
        assert check_array(path).rows == 12  # the header is fine
        refused(lambda path=path: load_array(path), str(path), shown)


def test_images_of_floats_lie_within_minus_one_and_one(tmp_path):
    values = np.zeros((4, 2, 2, 1), np.float32)
    values[2, 0, 1] = 1.5
    np.save(tmp_path / "a.npy", values)
    refused(lambda: load_array(tmp_path / "a.npy"), "row 2 holds 1.5, expected values of -1 to 1")


def test_fewer_rows_than_a_batch_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((7, 2)))
    assert check_array(path, rows_at_least=7).rows == 7
    refused(lambda: check_array(path, rows_at_least=8), "7 rows, expected at least 8")


def test_a_file_is_read_anew_once_it_has_changed(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 2), np.float32))
    assert load_array(path).shape == (4, 2)
    np.save(path, np.ones((5, 3), np.float32))
    assert check_array(path).shape == (3,) and load_array(path).shape == (5, 3)
    np.save(path, np.full((5, 3), 2, np.float32))
    os.utime(path, ns=(1, 1))  # the same size: told by its time
    assert load_array(path)[0, 0] == 2


def test_a_header_is_checked_without_reading_the_numbers(tmp_path):
    path = tmp_path / "a.npy"
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 50)}
    )
    with path.open("wb") as file:
        file.write(buffer.getvalue())
        file.truncate(len(buffer.getvalue()) + 4 * 50 * 10**9)  # sparse: 200 GB of nothing
    assert check_array(path) == ArrayFacts((50,), "float32", 10**9, "points")


def test_a_tenth_is_held_out_by_the_number_of_rows_alone():
    train, test = split_rows(np.arange(20))
    assert test.tolist() == [3, 11]  # fixed: results must not change with a release
    assert sorted([*train, *test]) == list(range(20)) and (np.diff(train) > 0).all()
    images_train, images_test = split_rows(np.arange(20 * 6).reshape(20, 2, 3) + 5)
    assert images_train.shape == (18, 2, 3) and images_test[:, 0, 0].tolist() == [23, 71]
    for n, held_out in ((2, 1), (9, 1), (19, 1), (30, 3), (60_000, 6_000)):
        train, test = split_rows(np.arange(n))
        assert (len(train), len(test)) == (n - held_out, held_out)
    assert abs(test.mean() - 30_000) < 1_500  # not one end of the file
