"""A study's finished cells put together: joined, judged, and stored as its results.

A cell that is not done is `missing`, never a zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_jax.analysis.verdicts import Criteria, judge
from gan_jax.fields import ConfigError
from gan_jax.files.said import say
from gan_jax.files.whole import write_text
from gan_jax.studies.cells import Cell, cells, origin_of, read_cell, sample_axes
from gan_jax.studies.damage import run_again
from gan_jax.studies.results import (
    PAIR,
    RESULTS_FILE,
    SEEDS_FILE,
    STUDY_FILE,
    load_results,
    recorded,
    seeds_table,
    write_results,
)
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


def assemble(
    study: Study,
    folder: Path,
    quality: str,
    references: Mapping[str, Reference],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put the finished cells together, judge every seed, and write results.nc and seeds.csv.

    Args:
      study: the study.
      folder: its folder.
      quality: the measure that decides convergence.
      references: a group of the study -> what it is measured against.
      attributes: further attributes of the results, plain text or numbers.

    Raises:
      ConfigError: when no cell is done, or one cannot be read.

    The attributes also have the whole study.yaml, `study_file`: every field, the versions, devices
    and command that made the results; and `run_again`, what was found damaged, a line each.
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
    done = [cell for cell in cells(study) if cell.path(folder).exists()]
    if not done:
        raise ConfigError(f"{folder}: no cell is done yet")
    groups = {}
    for name, experiments in study.groups().items():
        own = [cell for cell in done if cell.variant in experiments]
        if own:
            data = {variant: experiment.data for variant, experiment in experiments.items()}
            group = _group(study, folder, own, name, data, references[name])
            groups[name] = _judged(group.assign_attrs(shared | {"kind": references[name].kind}))
    results = joined_groups(study, groups)
    write_text(folder / SEEDS_FILE, seeds_table(results))
    write_results(folder / RESULTS_FILE, results, groups)  # last: where it is, all is
    return results


def is_assembled(study: Study, folder: Path) -> bool:
    """Whether the results are there, of all the study's cells that are done and of no others."""
    if not all((folder / name).exists() for name in (RESULTS_FILE, SEEDS_FILE)):
        return False
    try:
        results = load_results(folder)
    except ConfigError as error:
        say(f"{error}; put together again from the study's cells")
        return False
    if (folder / SEEDS_FILE).read_bytes() != seeds_table(results).encode("utf-8"):
        return False
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
    return bool((done == np.array(wanted)).all())


def _group(
    study: Study,
    folder: Path,
    done: list[Cell],
    name: str,
    data: Mapping[str, str],
    reference: Reference,
) -> xr.Dataset:
    """The finished cells of some variants, beside what those are measured against."""
    import xarray as xr

    parts: dict[str, list[xr.Dataset]] = {}
    wall = dict.fromkeys(data, 0.0)
    for cell in done:
        part = read_cell(cell, folder, origin_of(study, cell.variant))
        del part.attrs["origin"]
        wall[cell.variant] += float(part.attrs.pop("wall_seconds"))
        part["recorded"] = ("variant", "step"), np.ones((1, part.sizes["step"]), bool)
        parts.setdefault(cell.variant, []).append(part)
    # Joined in the study's order, which need not be sorted. A missing cell's seeds appear too, as
    # NaN; a missing step number as UNKNOWN: neither run nor failed.
    rows = [_one_variant(own, study.seeds) for own in parts.values()]
    joined = xr.concat(rows, "variant", data_vars="all", join="outer", fill_value=_fill(rows[0]))
    group = joined.reindex(variant=list(data), fill_value=_fill(joined))
    missing = group["first_nonfinite_step"].values == UNKNOWN
    group["status"] = PAIR, np.where(missing, "missing", "done").astype(object)
    group["wall_seconds"] = ("variant",), [wall[name] for name in data]
    texts = {"data": list(data.values()), "group": [name] * len(data)}
    group = group.assign_coords(
        {key: ("variant", np.array(words, object)) for key, words in texts.items()}
    )
    group["samples_real"] = ("sample", *sample_axes(reference.samples_real)), reference.samples_real
    if reference.labels:
        group = group.assign_coords(feature=list(reference.labels))
    for dimension, floors in (("draw", reference.floors), ("final_draw", reference.final_floors)):
        for name, draws in floors.items():
            each = np.broadcast_to(draws, (len(data), len(draws)))
            group[f"floor_{name}"] = ("variant", dimension), each
    return group


def _one_variant(parts: list[xr.Dataset], seeds: Sequence[int]) -> xr.Dataset:
    """One variant's cells, in the order of all the study's seeds."""
    import xarray as xr

    whole = xr.concat(parts, "seed", data_vars="minimal", coords="minimal", compat="override")
    return whole.reindex(seed=list(seeds), fill_value=_fill(whole))


def _fill(dataset: xr.Dataset) -> dict[str, Any]:
    """What stands for a variable where nothing ran; NaN where it is not named."""
    black = {"snapshots": 0} if dataset["snapshots"].dtype == np.uint8 else {}
    return {name: value for name, value in (NOT_RUN | black).items() if name in dataset}


def _judged(group: xr.Dataset) -> xr.Dataset:
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
        judged = judge(
            curves,
            group.attrs["quality"],
            floors,
            one["first_nonfinite_step"].values,
            criteria,
            one["step"].values,
        )
        outcome[""][row, ran], outcome["_detail"][row, ran] = judged.outcome, judged.detail
        outcome["_evidence"][row, ran], decided[row, ran] = judged.evidence, judged.step
    verdicts = {f"verdict{name}": (PAIR, values) for name, values in outcome.items()}
    return group.assign(verdicts | {"verdict_step": (PAIR, decided)})


def judge_again(results: Mapping[str, xr.Dataset], criteria: Criteria) -> dict[str, xr.Dataset]:
    """The groups of a study, each seed judged anew by other criteria."""
    text = json.dumps(asdict(criteria))
    return {name: _judged(group.assign_attrs(criteria=text)) for name, group in results.items()}


def joined_groups(study: Study, groups: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """What all variants share: all of the only group, or of several what has no axes of its own."""
    import xarray as xr

    if len(study.groups()) == 1:
        return next(iter(groups.values()))
    parts = []
    for group in groups.values():
        own = [str(name) for name, x in group.variables.items() if not {*x.dims} <= SHARED_DIMS]
        parts.append(group.drop_vars(own).drop_attrs(deep=False))
    first = next(iter(groups.values())).attrs
    fill = {"recorded": False}
    joined = xr.concat(parts, "variant", data_vars="all", join="outer", fill_value=fill)
    names = ("verdict", "verdict_detail", "verdict_evidence", "data", "group")
    fill |= NOT_RUN | dict.fromkeys(names, "") | {"status": "missing", "verdict_step": -1}
    fill = {name: value for name, value in fill.items() if name in joined.variables}
    whole = joined.reindex(variant=list(study.variants), fill_value=fill)
    return whole.assign_attrs({name: value for name, value in first.items() if name != "kind"})
