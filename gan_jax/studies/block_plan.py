"""Which of a study's cells are joined at a time: as many as memory should hold, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gan_jax.studies.cells import Cell, cells
from gan_jax.studies.study import Study

# Cells joined at a time: at most so many, and so many bytes of files (but one cell at least).
BLOCK_CELLS, BLOCK_BYTES = 64, 16_000_000


class Block(NamedTuple):
    """Some of a study's cells: whole variants of one group, or some cells of one variant.

    Attributes:
      group: its variants' group.
      variants: them.
      first: place of its first seed in the study's list.
      seeds: its seeds.
      done: those of its cells that are done.
    """

    group: str
    variants: tuple[str, ...]
    first: int
    seeds: tuple[int, ...]
    done: list[Cell]


def plan_blocks(
    study: Study, folder: Path, group_of: Mapping[str, str], largest: int
) -> Iterator[Block]:
    """All cells of a study, in its order, in blocks of at most BLOCK_CELLS and BLOCK_BYTES.

    `group_of` has every variant's group; `largest` is what a cell's file has at most, in bytes.
    """
    everything = cells(study)
    each = len(everything) // len(study.variants)  # every variant has the same
    at_once = max(min(BLOCK_BYTES // largest, BLOCK_CELLS), 1)
    begun = 0
    while begun < len(everything):
        end = begun + min(at_once, each - begun % each)  # of one variant
        group = group_of[everything[begun].variant]
        if each <= at_once:  # whole variants, of one group
            most = begun + at_once // each * each
            while end < min(most, len(everything)):
                if group_of[everything[end].variant] != group:
                    break
                end += each
        yield _block(study, folder, group, everything[begun:end])
        begun = end


def _block(study: Study, folder: Path, group: str, own: Sequence[Cell]) -> Block:
    variants = tuple(dict.fromkeys(cell.variant for cell in own))
    first = own[0].first
    end = max(cell.first + len(cell.seeds) for cell in own)
    done = [cell for cell in own if cell.path(folder).exists()]
    return Block(group, variants, first, study.seeds[first:end], done)
