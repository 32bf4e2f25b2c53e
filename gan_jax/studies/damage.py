"""Finished cells looked at before they are trusted: one that is not whole is set aside, and said.

It is then missing, so that the same command runs it again. Why is kept with the cell, for --status
and the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gan_jax.fields import ConfigError
from gan_jax.files.sums import damage
from gan_jax.files.whole import write_text
from gan_jax.studies.cells import CHECKPOINTS, RUN_AGAIN, Cell, cells, origin_of, read_cell
from gan_jax.studies.states import states_path
from gan_jax.studies.study import Study
from gan_jax.training.checkpoint_files import remove, remove_leftovers
from gan_jax.training.checkpoints import newest_steps

ASIDE = ".damaged"  # after the file's name: kept, for whoever wonders


def set_aside_damaged(study: Study, folder: Path) -> list[str]:
    """Set aside every finished cell that is not whole; return a line for each, naming it.

    Raises:
      OSError: when that cannot be written.
    """
    lines = []
    for cell, why in damaged_cells(study, folder).items():
        line = f"{why}; set aside, and run again"
        note = cell.folder(folder) / RUN_AGAIN
        before = note.read_text(encoding="utf-8") if note.exists() else ""
        write_text(note, f"{before}{line}\n")
        cell.path(folder).rename(cell.path(folder).with_name(cell.path(folder).name + ASIDE))
        lines.append(f"{folder}: {line}")
    return lines


def damaged_cells(study: Study, folder: Path) -> dict[Cell, str]:
    """The finished cells that cannot be trusted, and why: naming the file, within the study."""
    done = [cell for cell in cells(study) if cell.path(folder).exists()]
    found = {cell: _damage(study, cell, folder) for cell in done}
    return {cell: why for cell, why in found.items() if why is not None}


def cells_to_run(study: Study, folder: Path) -> list[Cell]:
    """The cells that have no result yet, or one that cannot be trusted."""
    damaged = damaged_cells(study, folder)
    return [cell for cell in cells(study) if cell in damaged or not cell.path(folder).exists()]


def _damage(study: Study, cell: Cell, folder: Path) -> str | None:
    """Why a finished cell cannot be trusted, naming the file in its study; None if it can."""
    try:
        read_cell(cell, folder, origin_of(study, cell.variant))
    except ConfigError as error:
        return str(error).removeprefix(f"{folder}/").partition("\n")[0]
    states = states_path(cell, folder)
    why = damage(states) if study.moments else None
    return None if why is None else f"{states.relative_to(folder)}: {why}"


def remove_needless_checkpoints(study: Study, folder: Path) -> None:
    """Remove the checkpoints of finished cells: of one whose process was ended at its very end."""
    for cell in cells(study):
        if cell.path(folder).exists():
            remove(checkpoints_path(cell, folder))
            remove_leftovers(cell.folder(folder))


def run_again(study: Study, folder: Path) -> list[str]:
    """What was ever found damaged and run again, a line each: file, and why."""
    notes = [cell.folder(folder) / RUN_AGAIN for cell in cells(study)]
    texts = [note.read_text(encoding="utf-8", errors="replace") for note in notes if note.exists()]
    return [line for text in texts for line in text.splitlines()]


def checkpoints_path(cell: Cell, folder: Path) -> Path:
    """Where a cell's checkpoints are, until it is done."""
    return cell.folder(folder) / CHECKPOINTS


def trained_steps(cell: Cell, folder: Path) -> list[int]:
    """The steps that each chunk of an unfinished cell has been trained for, and kept."""
    return newest_steps(checkpoints_path(cell, folder))


def steps_said(kept: Sequence[int]) -> str:
    """The steps that chunks have come to, one or more, in words: "step 8,000", "steps 10 to 20"."""
    first, last = min(kept), max(kept)
    return f"step {last:,}" if first == last else f"steps {first:,} to {last:,}"
