"""Hostile files where a user meets them: one line, exit code 2, nothing written."""

import os
import struct
import zipfile

import h5py
import numpy as np
import pytest
import yaml
from readers import EXPERIMENT, READERS
from synthetic import synthetic

from gan_jax.cli import main
from gan_jax.studies.study import Study


@pytest.fixture
def attacked(here, capsys):
    """Run a command that must refuse what it is given, and touch nothing; return its line."""

    def attack(*arguments):
        before = {path: path.lstat().st_mtime_ns for path in here.rglob("*")}
        assert main([*map(str, arguments)]) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith("gan-jax: ") and printed.err.count("\n") == 1
        assert printed.err[:-1].isprintable() and len(printed.err) < 5_000
        assert {path: path.lstat().st_mtime_ns for path in here.rglob("*")} == before
        return printed.err

    return attack


# Paths


@pytest.mark.parametrize(
    "arguments",
    [
        ("study", "pipe"),
        ("study", "folder"),
        ("study", "/dev/zero"),
        ("train", "--data", "pipe.npy"),
        ("train", "--data", "loop.npy"),
        ("train", "--data", "~nobody-of-that-name/x.npy"),
        ("train", "--data", "x" * 5000 + ".npy"),
        ("train", "--data", "\x1b[2J.npy"),
        ("sample", "pipe", "--out", "x.npz"),
        ("report", "of_a_pipe"),
        ("power", "--pilot", "of_a_pipe"),
        ("verdicts", "of_a_pipe", "--criteria", "pipe"),
    ],
)
def test_what_is_no_plain_file_is_neither_waited_for_nor_followed(here, attacked, arguments):
    for name in ("pipe", "pipe.npy", "of_a_pipe/results.nc"):
        (here / name).parent.mkdir(exist_ok=True)
        os.mkfifo(here / name)
    (here / "folder").mkdir()
    (here / "loop.npy").symlink_to("loop.npy")
    attacked(*arguments)


# Results

VALID = synthetic({"a": ["converged", "collapsed"], "b": ["", "diverged"]}, moments=2)


WRONG = {
    "a name that clears the screen": (lambda x: x.assign_coords(variant=["\x1b[2J", "b"]), "\\x1b"),
    "a name right to left": (lambda x: x.assign_coords(variant=["\u202ea", "b"]), "\\u202e"),
    "a study in two lines": (lambda x: x.assign_attrs(study="a\nb"), "'a\\nb'"),
    "a study that is no text": (lambda x: x.assign_attrs(study=[1.0, 2.0]), "expected a text"),
    "a long name": (lambda x: x.assign_attrs(study="\x07" * 10**6), "cannot be shown"),
    "a variant twice": (lambda x: x.assign_coords(variant=["a", "a"]), "has a value twice"),
    "seeds that are no numbers": (lambda x: x.assign_coords(seed=["x", "y"]), "expected seed"),
    "steps that go back": (lambda x: x.isel(step=slice(None, None, -1)), "not in order"),
    "verdicts at no step": (
        lambda x: x.assign(verdict_step=x["verdict_step"] * np.nan),
        "expected variant x seed and whole numbers",
    ),
    "nothing recorded": (lambda x: x.assign(recorded=~x["recorded"] & False), "at no step"),
    "no steps": (lambda x: x.isel(step=slice(0)), "'step' is empty"),
    "another verdict": (
        lambda x: x.assign(verdict=x["verdict"] + "!"),
        "one of diverged, coll",
    ),
    "verdicts of numbers": (
        lambda x: x.assign(verdict=x["verdict_step"]),
        "expected variant x seed",
    ),
    "curves of text": (lambda x: x.assign(diversity=x["verdict"]), "expected numbers"),
    "curves another way round": (
        lambda x: x.assign(diversity=x["diversity"].transpose()),
        "step x seed x variant, expected variant x seed x step",
    ),
    "curves that are missing": (lambda x: x.drop_vars("accuracy_real"), "accuracy_real missing"),
    "no samples": (lambda x: x.drop_vars("samples"), "no samples"),
    "no real samples": (lambda x: x.drop_vars("samples_real"), "axes of samples_real"),
    "another kind": (lambda x: x.assign_attrs(kind="cats"), "its kind is 'cats'"),
    "images that are none": (lambda x: x.assign_attrs(kind="images"), "no images"),
    "fields that are no JSON": (lambda x: x.assign_attrs(fields="[" * 10**5), "its fields"),
    "fields that are a list": (lambda x: x.assign_attrs(fields="[]"), "its fields"),
    "criteria in criteria": (lambda x: x.assign_attrs(criteria="[" * 10**5), "its criteria"),
    "criteria of thousands of digits": (
        lambda x: x.assign_attrs(criteria='{"tail_share": ' + "9" * 10**5 + "}"),
        "its criteria",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_results_that_no_study_wrote_are_refused(here, attacked, kind):
    change, words = WRONG[kind]
    change(VALID).to_netcdf("results.nc", engine="h5netcdf")
    assert words in attacked("report", ".")


def test_every_command_that_reads_results_refuses_them(here, attacked):
    VALID.assign_attrs(kind="cats").to_netcdf("results.nc", engine="h5netcdf")
    (here / "c.yaml").write_text("tail_share: 0.5")
    attacked("verdicts", ".", "--criteria", "c.yaml", "--write")
    attacked("power", "--pilot", ".")


def elsewhere(file):
    with h5py.File("other.nc", "w") as other:
        other["x"] = np.zeros(3)
    return h5py.ExternalLink("other.nc", "x")


def in_another_file(file):
    file.create_dataset("x", (3,), "f8", external=[("/etc/passwd", 0, 24)])


def virtual(file):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("other.nc", "x", (3,))
    file.create_virtual_dataset("x", layout)


def the_same_text_often(file):
    """A million references to one text of 100 kB, as a million texts take no more room."""
    texts = file.create_dataset("x", (1000,), h5py.string_dtype())
    texts[0] = "a" * 100_000
    file.flush()
    place = texts.id.get_offset()
    file.close()
    with open("results.nc", "r+b") as raw:
        raw.seek(place)
        reference = raw.read(16)
        raw.seek(place)
        raw.write(reference * 1000)


def attribute_of_pairs(file):
    file.attrs.create(
        "x", np.zeros(3, [("a", "f4"), ("b", "O")]).astype([("a", "f4"), ("b", "i4")])
    )


def groups_without_end(file):
    file.create_group("g")["again"] = file["/"]


BOMBS = {
    "terabytes declared": (
        lambda file: file.create_dataset("x", (2**40,), "f8", chunks=(1024,)),
        "larger than its file",
    ),
    "zeros, packed": (
        lambda file: file.create_dataset("x", data=np.zeros(10**7), compression="gzip"),
        "larger than its file",
    ),
    "texts declared": (
        lambda file: file.create_dataset("x", (2**40,), h5py.string_dtype(), chunks=(1024,)),
        "larger than its file",
    ),
    "one text a thousand times": (the_same_text_often, "larger than its file"),
    "a link to another file": (lambda file: file.__setitem__("x", elsewhere(file)), "is a link"),
    "a link by name": (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "is a link"),
    "numbers of another file": (in_another_file, "in another file"),
    "a view of another file": (virtual, "in another file"),
    "a type": (lambda file: file.__setitem__("x", np.dtype("f8")), "neither a group nor an array"),
    "pairs": (
        lambda file: file.create_dataset("x", (3,), [("a", "f4"), ("b", "i4")]),
        "expected numbers or text",
    ),
    "an attribute of pairs": (attribute_of_pairs, "an attribute of type"),
    "many attributes": (
        lambda file: [file.attrs.create(f"a{n}", 0) for n in range(300)],
        "more than 200 attributes",
    ),
    "deep groups": (lambda file: file.create_group("/".join("abcdefgh")), "groups deeper"),
    "groups in themselves": (groups_without_end, "groups deeper"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_hdf5_that_is_more_than_numbers_and_texts_is_refused(here, attacked, kind):
    VALID.to_netcdf("results.nc", engine="h5netcdf")
    make, words = BOMBS[kind]
    with h5py.File("results.nc", "a") as file:
        make(file)
    assert words in attacked("report", ".")


def test_spectra_that_no_study_wrote_are_refused(here, attacked):
    VALID.to_netcdf("results.nc", engine="h5netcdf")
    VALID.to_netcdf("spectrum.nc", engine="h5netcdf")
    assert "no study's spectra; real, imaginary" in attacked("report", ".")


# A run's folder


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "seeds: [1, 2]",
        "name: ../up\nseeds: 1\nvariants: {a: {}}",
        "name: a\nseeds: 1\nvariants: {'../../up': {}}",
        "name: !!python/object/apply:os.system [touch proof]\nseeds: 1\nvariants: {a: {}}",
    ],
)
def test_a_study_file_in_a_runs_folder_is_no_more_trusted(here, attacked, text):
    (here / "run").mkdir()
    (here / "run" / "study.yaml").write_text(text)
    for command in (
        ("report", "run"),
        ("spectrum", "run"),
        ("sample", "run", "--out", "x.npz"),
        ("study", "--status", "run"),
        ("study", "run/study.yaml"),
    ):
        assert "study.yaml" in attacked(*command)


@pytest.mark.parametrize("recorded", ["x", [1], {"inputs": [1], "packages": "x", "grown": 3}])
def test_what_a_study_file_records_of_its_run_may_be_anything(here, attacked, recorded):
    study = Study("s", EXPERIMENT, {"a": {}}, 2).to_dict()
    (here / "run").mkdir()
    (here / "run" / "study.yaml").write_text(yaml.safe_dump(study | {"recorded": recorded}))
    (here / "more.yaml").write_text(yaml.safe_dump(study | {"seeds": 3}))
    assert "begun with other versions" in attacked("study", "more.yaml", "--out", "run")


def test_a_note_of_a_cell_is_shown_in_one_line(here, capsys):
    study = Study("s", EXPERIMENT, {"a": {}}, 2).to_dict()
    cell = here / "run" / "cells" / "a" / "seeds-0000-0001"
    cell.mkdir(parents=True)
    (here / "run" / "study.yaml").write_text(yaml.safe_dump(study))
    (cell / "failed").write_text("\x1b[2J\nall is well\n")
    assert main(["study", "--status", "run"]) == 0
    printed = capsys.readouterr().out
    assert "\\x1b[2J\\nall is well" in printed and "\x1b" not in printed


# States, generators


def test_states_that_expand_without_end_are_read_no_further_than_they_must(here, attacked):
    from refusals import frugal, refused

    reader = READERS["states"]
    path = reader.write(here)
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    name = next(iter(members))
    start = members[name][:128]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in members.items():
            packed.writestr(member, start + bytes(100_000_000) if member == name else content)
    assert path.stat().st_size < 1_000_000
    with frugal():
        refused(lambda: reader.read(path), "not readable as states")


@pytest.mark.parametrize("variant", ["\x1b[2J", "../up", "$\\frac{", "a" * 200_000, ""])
def test_a_generators_variant_is_a_name(here, attacked, variant):
    from safetensors import safe_open
    from safetensors.numpy import save

    from gan_jax.studies.generators import HASH, _hash

    path = READERS["generator"].write(here)
    with safe_open(path, framework="numpy") as file:
        texts, arrays = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    texts = {name: x for name, x in texts.items() if name != HASH} | {"variant": variant}
    path.write_bytes(save(arrays, texts | {HASH: _hash(arrays, texts)}))
    assert "variant" in attacked("sample", path, "--out", "x.png")


@pytest.mark.parametrize("length", [0, 7, 2**40, 2**63, 2**64 - 1])
def test_a_generators_header_is_no_longer_than_one_can_be(here, attacked, length):
    (here / "g.safetensors").write_bytes(struct.pack("<Q", length) + b"{" * 64)
    attacked("sample", "g.safetensors", "--out", "x.npz")
