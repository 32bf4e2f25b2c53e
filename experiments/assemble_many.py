"""Does putting a study together need more memory, the more cells it has?

10,000 cells in the format of real ones: some are trained, their arrays varied for all others. Then
they are put together by another process, whose time and largest memory are measured; for the page
on growing (docs/scale.md) also what a cell costs to train, on disk, and sent by Ray.

Command: `python experiments/assemble_many.py`, 20 minutes on 2 cores beside other work, and 6 GB of
disk; with `--count 500` one minute. Expect: memory that is the same for 500 and for 10,000 cells,
and time that grows with their number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import h5py
import numpy as np

import gan_jax
from gan_jax.commands.script import run_script
from gan_jax.files.sums import SUFFIX, write_summed
from gan_jax.files.whole import write_text
from gan_jax.studies.cells import Cell, cells, origin_of
from gan_jax.studies.folder import open_folder
from gan_jax.studies.one_cell import Watch, run_cell
from gan_jax.studies.states import STATES
from gan_jax.training.interrupts import Signals

VARIANTS = 100
# Small ones: what is asked is how time and memory grow with their number.
SMALL = {"steps": 100, "log_every": 10, "batch_size": 16, "evaluation_samples": 32}
ASSEMBLE = """
import json, sys, time
from pathlib import Path
import gan_jax
from gan_jax.studies.engines import assemble_study
from gan_jax.studies.folder import read_study
gan_jax.use_all_cores()
folder = Path(sys.argv[1])
begun = time.perf_counter()
assemble_study(read_study(folder), folder)
taken = time.perf_counter() - begun
sys.path.insert(0, sys.argv[2])
from contestants.protocol import peak_bytes  # not what the process that started this one held
print(json.dumps({"seconds": taken, "peak_bytes": peak_bytes()}))
"""


def main(folder: Path = Path("results/assemble_many"), count: int = 10_000) -> None:
    """Make the cells, put them together, print what that took, and write assemble_many.json.

    Args:
      folder: where the figures go; the cells are made in a temporary folder, and removed.
      count: of cells, 64 seeds each: a multiple of 100, or fewer than that.
    """
    gan_jax.use_all_cores()
    folder.mkdir(parents=True, exist_ok=True)
    cost = cost_of_a_cell()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = synthetic(Path(place) / "study", count)
        measured = assembled(made)
        measured["results_bytes"] = (made / "results.nc").stat().st_size
        measured["table_bytes"] = (made / "seeds.csv").stat().st_size
        measured["cell_bytes"] = size_of(made / "cells") // count
    found = {"cells": count, "runs": count * 64, "assembly": measured, "cell": cost}
    write_text(folder / "assemble_many.json", json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def synthetic(folder: Path, n_cells: int) -> Path:
    """A finished study of so many cells, of which one was trained and the others are varied."""
    n_variants = min(VARIANTS, n_cells)
    rates = np.geomspace(1e-4, 1e-2, n_variants).round(8).tolist()
    variants = {f"rate_{k:03d}": {"generator_learning_rate": x} for k, x in enumerate(rates)}
    base = gan_jax.Experiment(**SMALL)
    n_seeds = 64 * (n_cells // n_variants)
    study = gan_jax.Study("many", base, variants, n_seeds, lanes=16, moments=0)
    study = open_folder(study, folder, "assemble_many")
    first, *others = cells(study)
    run_cell(study, first, folder, Watch(None, {}, Signals(), 1e9))
    trained, draws = first.path(folder).read_bytes(), np.random.default_rng(0)
    for cell in others:
        fill = partial(vary, cell=cell, trained=trained, study=study, draws=draws)
        write_summed(cell.path(folder), fill)
    return folder


def vary(
    file: Path, cell: Cell, trained: bytes, study: gan_jax.Study, draws: np.random.Generator
) -> None:
    """Write a trained cell with other numbers, as another one's."""
    file.write_bytes(trained)
    with h5py.File(file, "r+") as opened:
        for array in opened.values():
            if array.dtype.kind == "f" and array.ndim > 1:
                array[...] = array[...] * draws.uniform(0.5, 2.0)
        opened["seed"][...] = cell.seeds
        opened["variant"][...] = cell.variant
        opened.attrs["origin"] = origin_of(study, cell.variant)


def assembled(folder: Path) -> dict[str, float]:
    """Seconds and largest memory of a process of its own that puts a study together."""
    command = [sys.executable, "-c", ASSEMBLE, str(folder), str(Path(__file__).parent)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout)


def cost_of_a_cell() -> dict[str, float]:
    """What one cell of the default comparison costs: 64 seeds, 10,000 steps."""
    study = gan_jax.Study("one", gan_jax.Experiment(), {"gan": {}}, 64)
    seconds = []
    for _ in range(2):  # compiled by the first
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (cell,) = cells(study)
            begun = time.perf_counter()
            run_cell(study, cell, folder, Watch(None, {}, Signals(), 1e9))
            seconds.append(time.perf_counter() - begun)
            files = {one.name: one.stat().st_size for one in cell.folder(folder).iterdir()}
    return {
        "seconds_cold": seconds[0],
        "seconds": seconds[1],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "result_bytes": files["result.nc"],
        "states_bytes": files[STATES],
        "sum_bytes": sum(size for name, size in files.items() if name.endswith(SUFFIX)),
        "sent_bytes": sum(files.values()),  # Ray sends whole files, and hardly anything besides
    }


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    run_script(main)
