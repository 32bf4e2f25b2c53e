"""How far a study is: its cells by variant, done, running, missing, failed. Needs no JAX."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from gan_jax.studies.cells import Cell, cell_state, cells
from gan_jax.studies.claims import RUNNING
from gan_jax.studies.damage import run_again, steps_said, trained_steps
from gan_jax.studies.folder import read_study
from gan_jax.studies.leases import silent_for

CELL_STATES = ("done", "running", "missing", "failed")


class Status(NamedTuple):
    """A study's progress.

    Attributes:
      name: the study's.
      counts: variant -> how many of its cells are in each of CELL_STATES.
      notes: of each running or failed cell, who runs it, or why it failed; of a missing one, how
        far it was trained.
      run_again: what was found damaged and run again, a line each.
    """

    name: str
    counts: dict[str, dict[str, int]]
    notes: list[tuple[Cell, str, str]]
    run_again: list[str]


def study_status(folder: str | Path) -> Status:
    """Look at every cell of a study's folder; nothing is run or changed.

    Raises:
      ConfigError: when the folder holds no study.
    """
    folder = Path(folder)
    study = read_study(folder)
    found: dict[str, Counter[str]] = {variant: Counter() for variant in study.variants}
    notes = []
    for cell in cells(study):
        state, note = cell_state(cell, folder)
        found[cell.variant][state] += 1
        if state == "missing":
            note = _trained(cell, folder)
        elif state == "running":
            silent = silent_for(cell.folder(folder) / RUNNING)
            note += f", without a sign of life for {silent:,.0f} s" if silent else ""
        if note:
            notes.append((cell, state, note))
    counts = {
        variant: {state: counted[state] for state in CELL_STATES}
        for variant, counted in found.items()
    }
    return Status(study.name, counts, notes, run_again(study, folder))


def _trained(cell: Cell, folder: Path) -> str:
    steps = [step for step in trained_steps(cell, folder) if step]
    return f"interrupted; seeds that had begun are kept at {steps_said(steps)}" if steps else ""
