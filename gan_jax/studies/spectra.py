"""Spectra of a finished study: the eigenvalues of every seed's game at the kept moments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.studies.files import read_yaml
from gan_jax.studies.results import STUDY_FILE, cells, missing_cells, write_dataset
from gan_jax.studies.states import moment_steps, read_states
from gan_jax.studies.study import Study

if TYPE_CHECKING:
    import xarray as xr

SPECTRUM_FILE = "spectrum.nc"


def read_study(folder: Path) -> Study:
    """The study of a folder.

    Raises:
      ConfigError: when there is none, or it is not finished, or it kept no states.
    """
    if not (folder / STUDY_FILE).exists():
        raise ConfigError(f"{folder}: no {STUDY_FILE} there; expected a study's folder")
    study = Study.from_dict(read_yaml(folder / STUDY_FILE))
    missing = len(missing_cells(study, folder))
    if missing:
        raise ConfigError(f"{folder}: {missing} of {len(cells(study))} cells are not done yet")
    if not study.moments:
        raise ConfigError(f"{folder}: the study kept no states (moments: 0); run it with some")
    return study


def study_spectra(
    folder: str | Path,
    observer: Callable[[str, int], None] | None = None,
    batch_size: int | None = None,
) -> xr.Dataset:
    """Compute the spectra of a study's kept states, and store them as spectrum.nc beside it.

    Dims variant, step, seed, eigenvalue; see `analysis.dynamics.Spectra` for `real` and
    `imaginary`, `rotation_share`, `contraction` and `rotation`, `update_alignments` for `alignment`
    and `critical_step_size`. Per variant: `learning_rate` (the discriminator's, the unit of the
    field's scaling), `optimizer`, `update`, `parameters` (how many), `exact`, `preconditioned`.
    Variants of smaller networks have NaN beyond their eigenvalues.

    Args:
      folder: a finished study's.
      observer: called with variant and step before each is computed.
      batch_size: of the batch that defines the field; training's if None.

    Raises:
      ConfigError: when there is no finished study with states in the folder.
    """
    import jax
    import xarray as xr

    from gan_jax.analysis import dynamics

    folder = Path(folder)
    study = read_study(folder)
    experiments, todo = study.experiments(), cells(study)
    steps = moment_steps(study.first_experiment(), study.moments)
    rows = []
    for variant, experiment in experiments.items():
        moments = []
        for step in steps:
            if observer is not None:
                observer(variant, step)
            parts = [read_states(c, folder, experiment, step) for c in todo if c.variant == variant]
            states = jax.tree.map(lambda *x: np.concatenate(x), *parts)
            batches = dynamics.field_batches(experiment, batch_size)
            found = dynamics.spectra(experiment, states, batches)
            seeds = np.asarray(study.seeds, np.uint32)
            curves = {
                "rotation_share": found.rotation_share,
                "contraction": found.contraction,
                "rotation": found.rotation,
                "critical_step_size": dynamics.critical_step_size(found.eigenvalues),
                "alignment": dynamics.update_alignments(experiment, states, seeds),
            }
            data = {name: ("seed", curve) for name, curve in curves.items()}
            data["real"] = (("seed", "eigenvalue"), found.eigenvalues.real)
            data["imaginary"] = (("seed", "eigenvalue"), found.eigenvalues.imag)
            data["learning_rate"] = ((), experiment.discriminator_learning_rate)
            data["optimizer"] = ((), experiment.optimizer)
            data["update"] = ((), experiment.update)
            data["parameters"] = ((), dynamics.n_parameters(states))
            data["exact"] = ((), found.exact)
            data["preconditioned"] = ((), found.preconditioned)
            moments.append(xr.Dataset(data, coords={"seed": list(study.seeds)}))
        of_variant = xr.concat(moments, xr.IndexVariable("step", steps), data_vars="all")
        same = ("learning_rate", "optimizer", "update", "parameters", "exact", "preconditioned")
        rows.append(of_variant.assign({name: of_variant[name].isel(step=0) for name in same}))
    widest = max(row.sizes["eigenvalue"] for row in rows)
    padded = [row.pad(eigenvalue=(0, widest - row.sizes["eigenvalue"])) for row in rows]
    names = xr.IndexVariable("variant", list(experiments))
    result = xr.concat(
        padded, names, data_vars="all", join="exact", coords="minimal", compat="override"
    )
    result.attrs = {"study": study.name, "batch_size": batch_size or study.base.batch_size}
    write_dataset(folder / SPECTRUM_FILE, result)
    return result
