"""A study's results written block by block: some cells joined, judged, and pasted into the file.

So memory does not grow with the number of cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.files.netcdf_blocks import BlockFile
from gan_jax.studies.block_plan import Block, plan_blocks
from gan_jax.studies.cells import Cell, cells
from gan_jax.studies.joining import (
    NOT_RUN,
    Reference,
    beside,
    fill_values,
    join_cells,
    joined_groups,
    judged,
    read_row,
    shared_part,
)
from gan_jax.studies.plan import program
from gan_jax.studies.results import GROUPS, seeds_table
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

MISSING = "?"  # no variant's name: in a layout, of one that has not run; before a group's, of its


def devices_in_words(devices: Counter[str]) -> str:
    """Kinds of devices, and of several how many cells each has trained."""
    if len(devices) == 1:
        return next(iter(devices))
    total = devices.total()
    return ", ".join(
        f"{kind} ({count:,} of {total:,} cells)" for kind, count in devices.most_common()
    )


class BlockWriter:
    """The writing of one study's results.

    The layout of the file is that of a few cells joined in memory: one a program, since variants
    that share their program are measured and recorded alike.
    """

    def __init__(
        self,
        study: Study,
        folder: Path,
        references: Mapping[str, Reference],
        shared: Mapping[str, Any],
    ) -> None:
        self._study, self._folder, self._references = study, folder, references
        self._shared = dict(shared)
        groups = study.groups()
        self._group_of = {variant: name for name, own in groups.items() for variant in own}
        self._data = {name: one.data for name, one in study.experiments().items()}
        self._several = len(groups) > 1
        self._samples = self._found_samples()
        joined = {name: self._layout(name, own) for name, own in self._samples.items()}
        rows = [str(name) for group in joined.values() for name in group["variant"].values]
        root = joined_groups(study, joined, [*rows, MISSING])
        self._layouts: dict[str | None, xr.Dataset] = {None: root}
        self._variants: dict[str | None, list[str]] = {None: list(study.variants)}
        if self._several:
            self._layouts |= {f"{GROUPS}/{name}": group for name, group in joined.items()}
            self._variants |= {f"{GROUPS}/{name}": list(groups[name]) for name in joined}
        self._wall = {
            variant: 0.0 if name in joined else np.nan for variant, name in self._group_of.items()
        }
        self.devices: Counter[str] = Counter()

    def _found_samples(self) -> dict[str, list[Cell]]:
        """Of each group that has any, a finished cell of each program."""
        experiments, found = self._study.experiments(), {}
        for cell in cells(self._study):
            one = experiments[cell.variant]
            key = self._group_of[cell.variant], program(one), one.total_steps, one.record_every
            if key not in found and cell.path(self._folder).exists():
                found[key] = cell
        names = dict.fromkeys(self._group_of[cell.variant] for cell in found.values())
        ordered = [name for name in self._study.groups() if name in names]
        return {
            name: [cell for cell in found.values() if self._group_of[cell.variant] == name]
            for name in ordered
        }

    def _layout(self, name: str, samples: list[Cell]) -> xr.Dataset:
        """A group of one seed of some cells each; and of one that has not run, if any has not."""
        rows = []
        for cell in samples:
            row = read_row(self._study, self._folder, [cell], cell.seeds[:1])
            del row.attrs["wall_seconds"], row.attrs["devices"]
            rows.append(row.assign_coords(seed=[self._study.seeds[0]]))
        data = {cell.variant: self._data[cell.variant] for cell in samples}
        own = self._study.groups()[name]
        if any(
            not cell.path(self._folder).exists()
            for cell in cells(self._study)
            if cell.variant in own
        ):
            data[MISSING + name] = ""
        return self._judged(name, beside(rows, name, data, self._references[name]))

    def _judged(self, name: str, group: xr.Dataset) -> xr.Dataset:
        return judged(group.assign_attrs(self._shared | {"kind": self._references[name].kind}))

    def write(self, results: Path, seeds: Path, between: Callable[[], None] = lambda: None) -> None:
        """Write both files; `between` is called after each block."""
        self.devices.clear()
        sizes = {
            name: {"variant": len(own), "seed": len(self._study.seeds)}
            for name, own in self._variants.items()
        }
        with (
            seeds.open("w", encoding="utf-8", newline="") as table,
            BlockFile(results, self._layouts, sizes) as file,
        ):
            for name in self._layouts:
                self._write_what_all_share(file, name)
            for number, block in enumerate(self._blocks()):
                self._write_block(file, block, table, header=number == 0)
                between()
            for name, own in self._variants.items():
                wall = [self._wall[variant] for variant in own]
                file.write(name, "wall_seconds", [slice(None)], wall)
                file.describe(name, "devices", devices_in_words(self.devices))

    def _blocks(self) -> Iterator[Block]:
        """The study's blocks, by the size of a cell each program."""
        samples = [cell.path(self._folder) for own in self._samples.values() for cell in own]
        largest = max(sample.stat().st_size for sample in samples)
        return plan_blocks(self._study, self._folder, self._group_of, largest)

    def _write_what_all_share(self, file: BlockFile, name: str | None) -> None:
        """The axes, the real samples: whatever no variant has of its own."""
        axes = {"variant": self._variants[name], "seed": self._study.seeds}
        for key, x in self._layouts[name].variables.items():
            if str(key) in axes:
                file.write(name, str(key), [slice(None)], axes[str(key)])
            elif not {"variant", "seed"} & {*x.dims}:
                file.write(name, str(key), [slice(None)] * x.ndim, x.values)

    def _write_block(self, file: BlockFile, block: Block, table: IO[str], header: bool) -> None:
        part = self._part(block)
        if self._several and block.group in self._samples:
            name = f"{GROUPS}/{block.group}"
            self._paste(file, name, block, self._values(name, block, part))
        shared = shared_part(part) if part is not None and self._several else part
        values = self._values(None, block, shared)
        self._paste(file, None, block, values)
        text = seeds_table(self._as_results(block, values))
        table.write(text if header else text.partition("\n")[2])

    def _paste(
        self, file: BlockFile, name: str | None, block: Block, values: Mapping[str, np.ndarray]
    ) -> None:
        """Write a block where it belongs."""
        row, last = (self._variants[name].index(block.variants[i]) for i in (0, -1))
        where = {
            "variant": slice(row, last + 1),
            "seed": slice(block.first, block.first + len(block.seeds)),
        }
        for key, found in values.items():
            dims = self._layouts[name][key].dims
            # What is a variant's and no seed's is known from any of its cells that is done.
            whole = "seed" in dims or block.done or not block.first
            if whole and key != "wall_seconds":
                place = [where.get(str(dim), slice(None)) for dim in dims]
                file.write(name, key, place, found)

    def _as_results(self, block: Block, values: Mapping[str, np.ndarray]) -> xr.Dataset:
        """A block as results are in the root, as far as a table of seeds needs them."""
        import xarray as xr

        layout = self._layouts[None]
        needed = {
            key: (layout[key].dims, found)
            for key, found in values.items()
            if {*layout[key].dims} <= {"variant", "seed", "step"}
        }
        axes = {"variant": list(block.variants), "seed": list(block.seeds), "step": layout["step"]}
        whole = xr.Dataset(needed, coords=axes)
        return whole.set_coords([key for key in needed if key in layout.coords])

    def _part(self, block: Block) -> xr.Dataset | None:
        """A block's cells joined and judged; None if none is done."""
        if not block.done:
            return None
        data = {variant: self._data[variant] for variant in block.variants}
        reference = self._references[block.group]
        part = join_cells(
            self._study, self._folder, block.done, block.seeds, block.group, data, reference
        )
        for variant, seconds in zip(block.variants, part["wall_seconds"].values, strict=True):
            self._wall[variant] += float(seconds)
        self.devices.update(part.attrs.pop("devices"))
        return self._judged(block.group, part)

    def _values(
        self, name: str | None, block: Block, part: xr.Dataset | None
    ) -> dict[str, np.ndarray]:
        """A block's values of every variable that variants have of their own, as the layout has it.

        Raises:
          ConfigError: when a cell has what others of its program have not.
        """
        layout = self._layouts[name]
        sizes = dict(layout.sizes) | {"variant": len(block.variants), "seed": len(block.seeds)}
        if part is None:
            return self._nothing(layout, sizes, block)
        axes = {dim: layout[dim].values for dim in ("step", "moment") if dim in layout.coords}
        if any(not np.array_equal(part[dim], own) for dim, own in axes.items() if dim in part.dims):
            own = {dim: values for dim, values in axes.items() if dim in part.dims}
            part = part.reindex(own, fill_value=fill_values(part))
        odd = [str(key) for key in part.variables if key not in layout.variables]
        values = {}
        for key, x in layout.variables.items():
            if "variant" not in x.dims or key == "variant":
                continue
            shape = tuple(sizes[dim] for dim in x.dims)
            if key in part.variables:
                found = part[key].transpose(*x.dims).values
                odd += [str(key)] if found.shape != shape else []
                values[str(key)] = found.astype(x.dtype, copy=False)
            else:
                values[str(key)] = np.full(shape, NOT_RUN.get(str(key), np.nan), x.dtype)
        if odd:
            raise ConfigError(
                f"{self._folder}: cells of {block.variants[0]} hold other measures than those of "
                f"alike variants ({', '.join(odd[:5])}); remove them, and they are run again"
            )
        return values

    def _nothing(
        self, layout: xr.Dataset, sizes: Mapping[Any, int], block: Block
    ) -> dict[str, np.ndarray]:
        """What stands for a block of which no cell is done."""
        known = block.group in self._samples
        row = layout.sel(variant=[MISSING + block.group if known else MISSING])
        values = {
            str(key): np.broadcast_to(x.values, [sizes[dim] for dim in x.dims])
            for key, x in row.variables.items()
            if "variant" in x.dims and key != "variant"
        }
        names = {
            "data": [self._data[variant] for variant in block.variants],
            "group": [block.group] * len(block.variants),
        }
        return values | {key: np.array(words, object) for key, words in names.items()}
