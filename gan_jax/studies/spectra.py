"""Spectra of a finished study: the eigenvalues of every seed's game at the kept moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.config import Experiment
from gan_jax.studies.cells import cells, write_dataset
from gan_jax.studies.folder import read_finished
from gan_jax.studies.results import SPECTRUM_FILE
from gan_jax.studies.states import moment_steps, read_states
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.game.state import GanState

OF_VARIANT = (
    "batch_size",
    "beta1",
    "optimizer",
    "update",
    "parameters",
    "exact",
    "preconditioned",
)


def study_spectra(
    folder: str | Path,
    observer: Callable[[str, int, int, int], None] | None = None,
    batch_size: int | None = None,
) -> xr.Dataset:
    """Compute the spectra of a study's kept states, and store them as spectrum.nc beside it.

    Dims variant, step, seed, eigenvalue; see `analysis.dynamics.Spectra` for `real` and
    `imaginary`, `rotation_share`, `contraction` and `rotation`, `update_alignments` for `alignment`
    and `critical_step_size`; `learning_rate` is the discriminator's in force, the unit of the
    field's scaling. Per variant: `optimizer`, `beta1`, `update`, `batch_size` (the field's),
    `parameters` (how many), `exact`, `preconditioned`. Variants of smaller networks have NaN
    beyond their eigenvalues.

    Args:
      folder: a finished study's.
      observer: called before each is computed, with its variant and step, the number of those
        before it, and of all.
      batch_size: of the batch that defines the field; training's if None.

    Raises:
      ConfigError: when there is no finished study with states in the folder.
    """
    import xarray as xr

    folder = Path(folder)
    study = read_finished(folder)
    steps_of = {
        variant: moment_steps(experiment, study.moments)
        for variant, experiment in study.experiments().items()
    }
    done, total = 0, sum(map(len, steps_of.values()))
    rows: list[xr.Dataset] = []
    for variant, experiment in study.experiments().items():
        steps = steps_of[variant]
        moments: list[xr.Dataset] = []
        for step in steps:
            if observer is not None:
                observer(variant, step, done, total)
            done += 1
            states = _states(study, folder, variant, experiment, step)
            moments.append(_moment(experiment, states, study.seeds, step, batch_size))
        row = xr.concat(moments, xr.IndexVariable("step", steps), data_vars="all")
        # What is the same at every moment is the variant's.
        rows.append(row.assign({name: row[name].isel(step=0) for name in OF_VARIANT}))
    widest = max(row.sizes["eigenvalue"] for row in rows)
    padded = [row.pad(eigenvalue=(0, widest - row.sizes["eigenvalue"])) for row in rows]
    result = xr.concat(padded, "variant", data_vars="all", coords="minimal", compat="override")
    result = result.assign_coords(variant=list(study.variants))
    result.attrs = {"study": study.name}
    write_dataset(folder / SPECTRUM_FILE, result)
    return result


def _states(
    study: Study, folder: Path, variant: str, experiment: Experiment, step: int
) -> GanState:
    """A variant's states at a step, of all cells together."""
    import jax

    parts = [
        read_states(cell, folder, experiment, step)
        for cell in cells(study)
        if cell.variant == variant
    ]
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def _moment(
    experiment: Experiment,
    states: GanState,
    seeds: Sequence[int],
    step: int,
    batch_size: int | None,
) -> xr.Dataset:
    """The spectra of one variant at one moment."""
    import xarray as xr

    from gan_jax.analysis import dynamics, game_field, stability

    batches = game_field.field_batches(experiment, batch_size, step)
    found = dynamics.spectra(experiment, states, batches)
    plane, one, single = ("seed", "eigenvalue"), ("seed",), ()
    variables: dict[str, tuple[tuple[str, ...], Any]] = {
        "real": (plane, np.real(found.eigenvalues)),
        "imaginary": (plane, np.imag(found.eigenvalues)),
        "rotation_share": (one, found.rotation_share),
        "contraction": (one, found.contraction),
        "rotation": (one, found.rotation),
        "critical_step_size": (one, stability.critical_step_size(found.eigenvalues)),
        "alignment": (one, dynamics.update_alignments(experiment, states, seeds)),
        "learning_rate": (single, game_field.learning_rate(experiment, step)),
        "batch_size": (single, batch_size or experiment.batch_size),
        "beta1": (single, experiment.beta1),
        "optimizer": (single, experiment.optimizer),
        "update": (single, experiment.update),
        "parameters": (single, dynamics.n_parameters(states)),
        "exact": (single, found.exact),
        "preconditioned": (single, found.preconditioned),
    }
    return xr.Dataset(variables, coords={"seed": list(seeds)})
