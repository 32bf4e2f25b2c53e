"""Results put together in blocks: the same as at once, in memory that does not grow with cells."""

import runpy
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from setups import SHORT, timeless, tiny_study

import gan_jax
from gan_jax.analysis import quality
from gan_jax.files.netcdf import read_flat, read_netcdf
from gan_jax.files.netcdf_blocks import BlockFile
from gan_jax.reports.html import write_report
from gan_jax.studies import block_plan
from gan_jax.studies.cells import cells, write_dataset
from gan_jax.studies.engines import assemble_study
from gan_jax.studies.rejudge import store_verdicts

MANY = runpy.run_path(str(Path(__file__).parents[1] / "experiments" / "assemble_many.py"))


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A study of two data sets and durations, whose seeds are three cells a variant."""
    folder = tmp_path_factory.mktemp("grown") / "s"
    variants = {"curve": {}, "modes": {"data": "ring"}, "longer": {"steps": 14}}
    for seeds in ([4, 2], [4, 2, 9], [4, 2, 9, 0]):
        study = tiny_study(base=SHORT, variants=variants, seeds=seeds, lanes=2)
        results = gan_jax.run_study(study, folder)
    return folder, study, results


@pytest.fixture
def copied(grown, tmp_path):
    return shutil.copytree(grown[0], tmp_path / "s")


@pytest.fixture(autouse=True, scope="module")
def measured_once():
    """What cells are measured against is the same for all: it takes longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("floors", "final_floors", "samples_real"):
            patch.setattr(quality, name, cache(getattr(quality, name)))
        yield


def put_together(folder):
    for name in ("results.nc", "seeds.csv"):
        (folder / name).unlink(missing_ok=True)
    assemble_study(gan_jax.studies.folder.read_study(folder), folder)
    return {"": gan_jax.load_results(folder)} | gan_jax.load_groups(folder)


@pytest.mark.parametrize("at_once", range(1, 12))
def test_a_plan_has_every_cell_once_in_whole_variants_of_one_group_or_part_of_one(
    tmp_path, monkeypatch, at_once
):
    # Two data sets in turn; three cells a variant, of 64, 64 and 2 seeds.
    data = {"a": "parabola", "b": "parabola", "c": "ring", "d": "parabola"}
    variants = {name: {"data": of} for name, of in data.items()}
    study = gan_jax.Study("plan", SHORT, variants, 130, lanes=2)
    everything, each, size = cells(study), 3, {64: 1, 128: 2, 130: 3, 66: 2, 2: 1}
    monkeypatch.setattr(block_plan, "BLOCK_CELLS", at_once)
    plan = list(block_plan.plan_blocks(study, tmp_path, data, largest=1))
    found = [(one, seed) for block in plan for one in block.variants for seed in block.seeds]
    assert found == [(cell.variant, seed) for cell in everything for seed in cell.seeds]
    for block in plan:
        assert {data[one] for one in block.variants} == {block.group} and not block.done
        assert len(block.variants) * size[len(block.seeds)] <= at_once
        assert block.seeds == study.seeds[block.first : block.first + len(block.seeds)]
        assert len(block.variants) == 1 or size[len(block.seeds)] == each
    fewest = {1: 12, 2: 8, 3: 4, 4: 4, 5: 4}
    assert len(plan) == fewest.get(at_once, 3)
    # A block is also of no more bytes than memory should hold, but of one cell at least.
    for largest, blocks in ((block_plan.BLOCK_BYTES, 12), (2 * block_plan.BLOCK_BYTES, 12)):
        assert len(list(block_plan.plan_blocks(study, tmp_path, data, largest))) == blocks


# None; one cell of each data set; all of one data set.
@pytest.mark.parametrize("missing", [(), (0, 4), (3, 4, 5)])
def test_blocks_of_any_size_give_the_same_results(grown, copied, monkeypatch, missing):
    study = gan_jax.studies.folder.read_study(copied)
    for place in missing:
        cells(study)[place].path(copied).unlink()
    whole = put_together(copied)
    table = (copied / "seeds.csv").read_bytes()
    for at_once in (1, 2):
        monkeypatch.setattr(block_plan, "BLOCK_CELLS", at_once)
        parts = put_together(copied)
        assert {*parts} == {*whole}
        for name, results in whole.items():
            xr.testing.assert_identical(parts[name], results)
            types = {key: x.dtype for key, x in results.variables.items()}
            assert {key: x.dtype for key, x in parts[name].variables.items()} == types
        assert (copied / "seeds.csv").read_bytes() == table
    status = whole[""]["status"].values
    assert (status == "missing").sum() == sum(len(cells(study)[i].seeds) for i in missing)
    if not missing:
        xr.testing.assert_identical(timeless(whole[""]), timeless(grown[2]))


def test_the_kinds_of_devices_that_trained_the_cells_are_recorded(grown, copied, capsys):
    assert grown[2].attrs["devices"] == "cpu"
    path = cells(gan_jax.studies.folder.read_study(copied))[4].path(copied)
    cell = read_flat(path)
    write_dataset(path, cell.assign_attrs(device="NVIDIA H200"))
    found = put_together(copied)
    kinds = "cpu (8 of 9 cells), NVIDIA H200 (1 of 9 cells)"
    assert found[""].attrs["devices"] == kinds
    assert f"trained on different devices ({kinds})" in capsys.readouterr().err
    store_verdicts(copied, gan_jax.Criteria(tail_share=0.5))
    assert gan_jax.load_results(copied).attrs["devices"] == kinds
    page = write_report(found[""], copied).read_text(encoding="utf-8")
    assert kinds in page


def test_an_assembly_can_be_ended_between_two_blocks_and_leaves_what_was(copied, monkeypatch):
    monkeypatch.setattr(block_plan, "BLOCK_CELLS", 1)
    before = {name: (copied / name).read_bytes() for name in ("results.nc", "seeds.csv")}
    turns = iter(range(3))

    def between():
        if next(turns) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assemble_study(gan_jax.studies.folder.read_study(copied), copied, between)
    assert {name: (copied / name).read_bytes() for name in before} == before
    assert not list(copied.glob(".*.tmp"))


def test_each_seed_is_where_its_cell_says(grown):
    folder, _, results = grown
    study = gan_jax.studies.folder.read_study(folder)
    assert len(cells(study)) == 9
    for cell in cells(study):
        stored = xr.load_dataset(cell.path(folder))
        there = results.sel(variant=cell.variant, seed=list(cell.seeds))
        for name in ("sliced_wasserstein", "generator_loss"):
            found = there[name].sel(step=stored["step"]).values
            np.testing.assert_array_equal(found, stored[name].values[0])
    walls = results["wall_seconds"].values
    assert (walls > 0).all()


def test_a_large_file_is_written_on_the_disk_as_a_small_one_in_memory(tmp_path, monkeypatch):
    layout = xr.Dataset(
        {
            "x": (("variant", "seed"), np.zeros((1, 1), np.float32)),
            "word": (("variant", "seed"), np.array([["a"]], object)),
            "truth": (("variant",), np.array([True])),
            "group": (("variant",), np.array(["g"], object)),
        },
        coords={"variant": ["v"], "seed": [0]},
        attrs={"study": "s"},
    ).set_coords("group")

    def written(path):
        with BlockFile(path, {None: layout}, {None: {"variant": 2, "seed": 3}}) as file:
            file.write(None, "variant", [slice(None)], ["one", "two"])
            file.write(None, "seed", [slice(None)], [5, 6, 7])
            file.write(None, "truth", [slice(None)], np.array([True, False]))
            file.write(None, "group", [slice(None)], np.array(["g", "h"], object))
            for row in range(2):
                place = [slice(row, row + 1), slice(1, 3)]
                file.write(None, "x", place, np.full((1, 2), row + 1.5, np.float32))
                file.write(None, "word", [slice(row, row + 1), slice(None)], [["", "ü", "b" * 99]])
        return xr.load_dataset(path)

    small = written(tmp_path / "small.nc")
    monkeypatch.setattr("gan_jax.files.netcdf_blocks.MOST_IN_MEMORY", 0)
    xr.testing.assert_identical(written(tmp_path / "large.nc"), small)
    assert small["x"].values.tolist() == [[0, 1.5, 1.5], [0, 2.5, 2.5]]
    assert small["word"].values.tolist() == [["", "ü", "b" * 99]] * 2
    assert small["truth"].values.tolist() == [True, False] and small["truth"].dtype == bool
    assert small["group"].values.tolist() == ["g", "h"] and "group" in small.coords
    sizes = [(tmp_path / name).stat().st_size for name in ("small.nc", "large.nc")]
    assert abs(sizes[0] - sizes[1]) < 5_000  # what was reserved is given back


def test_what_does_not_fit_is_refused_before_it_is_written(tmp_path, monkeypatch):
    import resource

    monkeypatch.setattr("gan_jax.files.netcdf_blocks.MOST_IN_MEMORY", 0)
    layout = xr.Dataset({"x": (("seed",), np.zeros(1))})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            BlockFile(tmp_path / "x.nc", {None: layout}, {None: {"seed": 1_000_000}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_cells(tmp_path):
    few, many = (
        MANY["assembled"](MANY["synthetic"](tmp_path / f"{n}", n))["peak_bytes"] for n in (50, 500)
    )
    assert many - few < 50e6  # the cells themselves have 100 MB
    assert many < 2**30
    results = gan_jax.load_results(tmp_path / "500")
    assert (results["status"] == "done").all() and results["status"].size == 32_000


def test_a_cell_is_read_quickly_as_xarray_reads_it(grown):
    folder = grown[0]
    for cell in cells(gan_jax.studies.folder.read_study(folder)):
        quick = read_flat(cell.path(folder))
        slow = read_netcdf(cell.path(folder))
        xr.testing.assert_identical(quick, slow)
        assert {name: x.dtype for name, x in quick.variables.items()} == {
            name: x.dtype for name, x in slow.variables.items()
        }
        assert list(quick.variables) and [*quick.data_vars] == [*slow.data_vars]
