"""A study's finished cells put together as its results: results.nc and seeds.csv.

A cell that is not done is `missing`, never a zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.analysis.verdicts import Criteria
from gan_jax.fields import ConfigError
from gan_jax.files.said import say
from gan_jax.files.sums import write_summed
from gan_jax.files.whole import write_whole
from gan_jax.studies.blocks import BlockWriter, devices_in_words
from gan_jax.studies.cells import cells
from gan_jax.studies.damage import run_again
from gan_jax.studies.joining import Reference
from gan_jax.studies.results import (
    PAIR,
    RESULTS_FILE,
    SEEDS_FILE,
    STUDY_FILE,
    is_their_table,
    opened_results,
)
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr


def assemble(
    study: Study,
    folder: Path,
    quality: str,
    references: Mapping[str, Reference],
    attributes: Mapping[str, Any],
    between: Callable[[], None] = lambda: None,
) -> None:
    """Put the finished cells together, judge every seed, and write results.nc and seeds.csv.

    Memory does not grow with the number of cells: they are read, judged and written in blocks.

    Args:
      study: the study.
      folder: its folder.
      quality: the measure that decides convergence.
      references: a group of the study -> what it is measured against.
      attributes: further attributes of the results, plain text or numbers.
      between: called after each block; may raise, and then nothing has been written.

    Raises:
      ConfigError: when no cell is done, or one cannot be read.

    The attributes also have the whole study.yaml, `study_file`: every field, the versions and the
    command that made the results; `run_again`, what was found damaged, a line each; and `devices`,
    which kinds of them trained the cells.
    """
    shared = {
        "study": study.name,
        "quality": quality,
        "criteria": json.dumps(asdict(study.criteria)),
        "fields": json.dumps(study.varied()),
        "study_file": (folder / STUDY_FILE).read_text(encoding="utf-8"),
        "run_again": "\n".join(run_again(study, folder)),
        **attributes,
    }
    if not any(cell.path(folder).exists() for cell in cells(study)):
        raise ConfigError(f"{folder}: no cell is done yet")
    writer = BlockWriter(study, folder, references, shared)

    def write(results: Path) -> None:
        write_whole(folder / SEEDS_FILE, lambda seeds: writer.write(results, seeds, between))

    write_summed(folder / RESULTS_FILE, write)  # last: where it is, all is
    if len(writer.devices) > 1:
        kinds = devices_in_words(writer.devices)
        say(
            f"{folder}: cells were trained on different devices ({kinds}), whose numbers "
            "differ in their last bits, and so do trainings in the end"
        )


def is_assembled(study: Study, folder: Path) -> bool:
    """Whether the results are there, of all the study's cells that are done and of no others."""
    if not all((folder / name).exists() for name in (RESULTS_FILE, SEEDS_FILE)):
        return False
    try:
        with opened_results(folder) as results:
            return _are_of(results, study, folder)
    except ConfigError as error:
        say(f"{error}; put together again from the study's cells")
        return False


def _are_of(results: xr.Dataset, study: Study, folder: Path) -> bool:
    expected = {name: set() for name in study.variants}
    for cell in cells(study):
        if cell.path(folder).exists():
            expected[cell.variant] |= set(cell.seeds)
    alike = [
        results["variant"].values.tolist() == list(study.variants),
        results["seed"].values.tolist() == list(study.seeds),
        Criteria.from_dict(json.loads(results.attrs["criteria"])) == study.criteria,
    ]
    if not all(alike):
        return False
    done = results["status"].transpose(*PAIR).values == "done"
    wanted = [[seed in expected[name] for seed in study.seeds] for name in study.variants]
    if not (done == np.array(wanted)).all():
        return False
    return is_their_table(folder / SEEDS_FILE, results)
