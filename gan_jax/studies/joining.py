"""Finished cells joined in memory: variants beside one another, seeds in order, each one judged.

A study may be larger than memory: `assembly` has some of its cells joined at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_jax.analysis.verdicts import Criteria, judge
from gan_jax.studies.cells import Cell, origin_of, read_cell, sample_axes
from gan_jax.studies.results import recorded
from gan_jax.studies.schema import PAIR
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

UNKNOWN = -2  # a first non-finite step of a seed that has not run
# Dimensions that variants of different data can share.
SHARED_DIMS = {*PAIR, "step", "draw", "final_draw"}
NOT_RUN = {"first_nonfinite_step": UNKNOWN, "snapshot_step": -1, "recorded": False}


class Reference(NamedTuple):
    """What the variants of one group are measured against.

    Attributes:
      floors: real-against-real draws [draw] of each measure taken at every record.
      final_floors: likewise [final_draw], of the measures of final samples alone.
      samples_real: the evaluation's real samples [sample, *shape].
      labels: names of a sample's coordinates, where they have any.
      kind: "points", "images" or "sequences".
    """

    floors: Mapping[str, np.ndarray]
    final_floors: Mapping[str, np.ndarray]
    samples_real: np.ndarray
    labels: Sequence[str]
    kind: str


def join_cells(
    study: Study,
    folder: Path,
    done: Sequence[Cell],
    seeds: Sequence[int],
    name: str,
    data: Mapping[str, str],
    reference: Reference,
) -> xr.Dataset:
    """Finished cells, beside what they are measured against; how many on each kind of device.

    Args:
      study: theirs.
      folder: its folder.
      done: at least one; of the variants and seeds below.
      seeds: which to have, in order; those that are in no cell are missing.
      name: the group of the study that the variants are of.
      data: the variants to have, and their data.
      reference: what the group is measured against.

    Raises:
      ConfigError: when one cannot be read.
    """
    wall, devices = dict.fromkeys(data, 0.0), Counter()
    rows = [
        read_row(study, folder, [cell for cell in done if cell.variant == variant], seeds)
        for variant in dict.fromkeys(cell.variant for cell in done)
    ]
    for row in rows:
        wall[row["variant"].values[0]] = row.attrs.pop("wall_seconds")
        devices.update(row.attrs.pop("devices"))
    group = beside(rows, name, data, reference).assign_attrs(devices=devices)
    return group.assign(wall_seconds=(("variant",), [wall[variant] for variant in data]))


def read_row(study: Study, folder: Path, done: Sequence[Cell], seeds: Sequence[int]) -> xr.Dataset:
    """One variant's finished cells, in the order of the seeds; how long they took, and on what.

    Raises:
      ConfigError: when one cannot be read.
    """
    import xarray as xr

    parts: list[xr.Dataset] = []
    wall, devices = 0.0, Counter()
    for cell in done:
        part = read_cell(cell, folder, origin_of(study, cell.variant))
        del part.attrs["origin"]
        wall += float(part.attrs.pop("wall_seconds"))
        devices[str(part.attrs.pop("device", "unknown"))] += 1
        part["recorded"] = ("variant", "step"), np.ones((1, part.sizes["step"]), bool)
        parts.append(part)
    whole = xr.concat(parts, "seed", data_vars="minimal", coords="minimal", compat="override")
    whole = whole.reindex(seed=list(seeds), fill_value=fill_values(whole))
    return whole.assign_attrs(wall_seconds=wall, devices=devices)


def beside(
    rows: list[xr.Dataset], name: str, data: Mapping[str, str], reference: Reference
) -> xr.Dataset:
    """Variants beside one another, each with its own steps and measures, and what all share.

    A missing cell's seeds are there too, as NaN, and its step numbers as UNKNOWN: neither run nor
    failed. So are variants of which there is no row.
    """
    import xarray as xr

    joined = xr.concat(
        rows, "variant", data_vars="all", join="outer", fill_value=fill_values(rows[0])
    )
    group = joined.reindex(variant=list(data), fill_value=fill_values(joined))
    missing = group["first_nonfinite_step"].values == UNKNOWN
    group["status"] = PAIR, np.where(missing, "missing", "done").astype(object)
    group["wall_seconds"] = ("variant",), np.zeros(len(data))
    texts = {"data": list(data.values()), "group": [name] * len(data)}
    group = group.assign_coords(
        {key: ("variant", np.array(words, object)) for key, words in texts.items()}
    )
    group["samples_real"] = ("sample", *sample_axes(reference.samples_real)), reference.samples_real
    if reference.labels:
        group = group.assign_coords(feature=list(reference.labels))
    for dimension, floors in (("draw", reference.floors), ("final_draw", reference.final_floors)):
        for measure, draws in floors.items():
            each = np.broadcast_to(draws, (len(data), len(draws)))
            group[f"floor_{measure}"] = ("variant", dimension), each
    return group


def fill_values(dataset: xr.Dataset) -> dict[str, Any]:
    """What stands for a variable where nothing ran; NaN where it is not named."""
    black = {}
    if "snapshots" in dataset and dataset["snapshots"].dtype == np.uint8:
        black = {"snapshots": 0}
    return {name: value for name, value in (NOT_RUN | black).items() if name in dataset}


def judged(group: xr.Dataset) -> xr.Dataset:
    """A group with the verdict of every seed that ran, by the criteria in its attributes."""
    criteria = Criteria.from_dict(json.loads(group.attrs["criteria"]))
    shape = tuple(group.sizes[name] for name in PAIR)
    outcome = {name: np.full(shape, "", object) for name in ("", "_detail", "_evidence")}
    decided = np.full(shape, -1, np.int64)
    for row, variant in enumerate(group["variant"].values):
        one = recorded(group, variant)
        ran = one["status"].values == "done"
        if not ran.any():
            continue
        one = one.isel(seed=np.flatnonzero(ran))
        curves = {str(name): x.values for name, x in one.items() if x.dims == ("seed", "step")}
        floors = {
            str(name).removeprefix("floor_"): draws.values
            for name, draws in one.items()
            if draws.dims == ("draw",)
        }
        verdicts = judge(
            curves,
            group.attrs["quality"],
            floors,
            one["first_nonfinite_step"].values,
            criteria,
            one["step"].values,
        )
        outcome[""][row, ran], outcome["_detail"][row, ran] = verdicts.outcome, verdicts.detail
        outcome["_evidence"][row, ran], decided[row, ran] = verdicts.evidence, verdicts.step
    found = {f"verdict{name}": (PAIR, values) for name, values in outcome.items()}
    return group.assign(found | {"verdict_step": (PAIR, decided)})


def judge_again(results: Mapping[str, xr.Dataset], criteria: Criteria) -> dict[str, xr.Dataset]:
    """The groups of a study, each seed judged anew by other criteria."""
    text = json.dumps(asdict(criteria))
    return {name: judged(group.assign_attrs(criteria=text)) for name, group in results.items()}


def shared_part(group: xr.Dataset) -> xr.Dataset:
    """What a group's variants can share with those of other data."""
    own = [str(name) for name, x in group.variables.items() if not {*x.dims} <= SHARED_DIMS]
    return group.drop_vars(own)


def joined_groups(
    study: Study, groups: Mapping[str, xr.Dataset], variants: Sequence[str] | None = None
) -> xr.Dataset:
    """What all variants share: all of the only group, or of several what has no axes of its own.

    Args:
      study: the study.
      groups: those of its groups that there are.
      variants: which to have, in order; by default all of the study's.
    """
    import xarray as xr

    if len(study.groups()) == 1:
        return next(iter(groups.values()))
    parts = [shared_part(group).drop_attrs(deep=False) for group in groups.values()]
    first = next(iter(groups.values())).attrs
    fill = {"recorded": False}
    joined = xr.concat(parts, "variant", data_vars="all", join="outer", fill_value=fill)
    names = ("verdict", "verdict_detail", "verdict_evidence", "data", "group")
    fill |= NOT_RUN | dict.fromkeys(names, "") | {"status": "missing", "verdict_step": -1}
    fill = {name: value for name, value in fill.items() if name in joined.variables}
    whole = joined.reindex(variant=list(variants or study.variants), fill_value=fill)
    return whole.assign_attrs({name: value for name, value in first.items() if name != "kind"})
