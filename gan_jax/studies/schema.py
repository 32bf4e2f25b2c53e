"""What results must have to be taken for a study's: dims, types, names, before anything uses them.

A results file may be anybody's: what is wrong in it is said in one line here, rather than by
whichever figure meets it first; and its names are shown in terminals. Needs no JAX.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.analysis.criteria import Criteria
from gan_jax.analysis.verdicts import VERDICTS
from gan_jax.fields import ConfigError, one_line, shown

if TYPE_CHECKING:
    import xarray as xr

PAIR = ("variant", "seed")
KINDS = ("points", "images", "sequences")
TEXT, WHOLE, NUMBER, TRUTH = "OU", "iu", "iuf", "b"  # kinds of NumPy types
WORDS = {TEXT: "text", WHOLE: "whole numbers", NUMBER: "numbers", TRUTH: "true or false"}
CURVE = (*PAIR, "step")
# Variable -> its dims and type, where it is there. What holds samples has their own axes besides.
EXPECTED: dict[str, tuple[tuple[str, ...], str]] = {
    "variant": (("variant",), TEXT),
    "seed": (("seed",), WHOLE),
    "step": (("step",), WHOLE),
    "status": (PAIR, TEXT),
    "verdict": (PAIR, TEXT),
    "verdict_detail": (PAIR, TEXT),
    "verdict_evidence": (PAIR, TEXT),
    "verdict_step": (PAIR, WHOLE),
    "first_nonfinite_step": (PAIR, WHOLE),
    "recorded": (("variant", "step"), TRUTH),
    "wall_seconds": (("variant",), NUMBER),
    "data": (("variant",), TEXT),
    "group": (("variant",), TEXT),
    "feature": (("feature",), TEXT),
    "moment": (("moment",), WHOLE),
    "snapshot_step": (("variant", "moment"), WHOLE),
    "samples": ((*PAIR, "sample"), NUMBER),
    "samples_real": (("sample",), NUMBER),
    "snapshots": ((*PAIR, "moment", "shown"), NUMBER),
}
MOMENT = ("variant", "step", "seed")
SPECTRA: dict[str, tuple[tuple[str, ...], str]] = {
    **{name: EXPECTED[name] for name in ("variant", "seed", "step")},
    **{name: ((*MOMENT, "eigenvalue"), NUMBER) for name in ("real", "imaginary")},
    "rotation_share": (MOMENT, NUMBER),
    "alignment": (MOMENT, NUMBER),
    "learning_rate": (("variant", "step"), NUMBER),
    "batch_size": (("variant",), NUMBER),
    "beta1": (("variant",), NUMBER),
    "optimizer": (("variant",), TEXT),
    "update": (("variant",), TEXT),
    "exact": (("variant",), TRUTH),
    "preconditioned": (("variant",), TRUTH),
}
HOLD_SAMPLES = ("samples", "samples_real", "snapshots")
NEEDED = (*PAIR, "step", "status", "verdict", "verdict_detail", "verdict_step")
NEEDED += ("first_nonfinite_step",)
DRAWS = (("variant", "draw"), ("variant", "final_draw"), ("draw",), ("final_draw",))
MEASURES = (CURVE, PAIR)
# What verdicts are judged from, besides the distance to the data.
CURVES = ("accuracy_real", "accuracy_fake", "generator_gradient_norm")
TEXTS = ("study", "quality", "criteria")
# Sets whose members alone may be there.
ONE_OF = {"status": ("done", "missing"), "verdict": (*VERDICTS, "")}


def check_results(results: xr.Dataset) -> None:
    """Refuse what is no study's results, or what this package could not have written.

    Raises:
      ConfigError: naming what is missing or wrong.
    """
    lacking = [name for name in TEXTS if name not in results.attrs]
    lacking += [name for name in NEEDED if name not in results.variables]
    quality = results.attrs.get("quality")
    if isinstance(quality, str):
        judged = (quality, f"floor_{quality}", *CURVES)
        lacking += [name for name in judged if name not in results]
    if lacking:
        raise ConfigError(f"no study's results; {', '.join(lacking)} missing")
    _check_attributes(results.attrs)
    for name in map(str, results.variables):
        if name in EXPECTED:
            _check_variable(name, results.variables[name], *EXPECTED[name])
        else:
            measures = (CURVE,) if name in (quality, *CURVES) else MEASURES
            _check_measure(name, results.variables[name], measures)
    _check_coordinates(results, ("study", "quality"))
    _check_samples(results)


def _check_attributes(attributes: Mapping[Any, Any]) -> None:
    for name in (*TEXTS, "kind", "fields", "study_file", "devices"):
        if name in attributes and not isinstance(attributes[name], str):
            raise ConfigError(f"its attribute {name} is {shown(attributes[name])}, expected a text")
    if attributes.get("kind", "points") not in KINDS:
        raise ConfigError(f"its kind is {shown(attributes['kind'])}, expected one of {KINDS}")
    try:
        Criteria.from_dict(json.loads(attributes["criteria"]))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"its criteria cannot be read ({error})") from None
    try:
        fields = json.loads(attributes.get("fields", "{}"))
        plain = isinstance(fields, dict) and all(isinstance(x, dict) for x in fields.values())
    except (ValueError, RecursionError):
        plain = False
    if not plain:
        raise ConfigError("its fields cannot be read, expected variants and their fields as JSON")


def check_spectra(spectra: xr.Dataset) -> None:
    """Refuse what is no study's spectra, as `check_results` does results.

    Raises:
      ConfigError: naming what is missing or wrong.
    """
    lacking = [name for name in SPECTRA if name not in spectra.variables]
    if lacking:
        raise ConfigError(f"no study's spectra; {', '.join(lacking)} missing")
    for name, (dims, kinds) in SPECTRA.items():
        _check_variable(name, spectra.variables[name], dims, kinds)
    _check_coordinates(spectra, ())


def _check_measure(name: str, variable: xr.Variable, measures: Sequence[tuple[str, ...]]) -> None:
    """Refuse a curve, a measure of final samples or floors that are no numbers."""
    expected = DRAWS if name.startswith("floor_") else measures
    if variable.dims not in expected:
        words = " or ".join(map(_words, expected))
        raise ConfigError(f"its {shown(name)} has dims {_words(variable.dims)}, expected {words}")
    if variable.dtype.kind not in NUMBER:
        raise ConfigError(f"its {shown(name)} is {variable.dtype}, expected numbers")


def _check_variable(name: str, variable: xr.Variable, own: tuple[str, ...], kinds: str) -> None:
    """Refuse a variable of other dims or type than it must have."""
    dims = variable.dims[: len(own)] if name in HOLD_SAMPLES else variable.dims
    if dims != own or variable.dtype.kind not in kinds:
        raise ConfigError(
            f"its {name} has dims {_words(variable.dims)} and type {variable.dtype}, expected "
            f"{_words(own)} and {WORDS[kinds]}"
        )
    if kinds == TEXT and not all(isinstance(text, str) for text in variable.values.flat):
        raise ConfigError(f"its {name} holds what is no text")
    for text in set(variable.values.flat) if name in ONE_OF else ():
        if text not in ONE_OF[name]:
            choices = ", ".join(filter(None, ONE_OF[name]))
            raise ConfigError(f"its {name} holds {shown(str(text))}, expected one of {choices}")


def _words(dims: Any) -> str:
    return " x ".join(shown(dim)[1:-1] for dim in dims) or "none"


def _check_coordinates(results: xr.Dataset, attributes: tuple[str, ...]) -> None:
    """Refuse values that are there twice, and names that a terminal would obey, not show."""
    for name, size in results.sizes.items():
        if not size:
            raise ConfigError(f"its {shown(name)} is empty")
    for name in ("variant", "seed", "step"):
        values = results[name].values.tolist()
        if len(set(values)) < len(values):
            raise ConfigError(f"its {name} has a value twice")
    steps = results["step"].values
    if (np.diff(steps) < 0).any():
        raise ConfigError("its steps are not in order")
    if "recorded" in results:
        ran = (results["status"] == "done").any("seed")
        if (ran & ~results["recorded"].any("step")).any():
            raise ConfigError("its seeds were trained, but recorded at no step")
    names = [results.attrs[name] for name in attributes] + results["variant"].values.tolist()
    for name in ("data", "group"):
        names += results[name].values.tolist() if name in results.variables else []
    for name in names:
        if not name or one_line(name) != name:
            raise ConfigError(f"its name {shown(name)} holds what cannot be shown, or nothing")


def _check_samples(results: xr.Dataset) -> None:
    """Refuse samples of other axes than the real ones they are drawn beside."""
    there = [name for name in HOLD_SAMPLES if name in results]
    axes = {
        name: [str(dim) for dim in results[name].dims if dim not in EXPECTED[name][0]]
        for name in there
    }
    if there and any(own != axes.get("samples_real") or not own for own in axes.values()):
        raise ConfigError("its samples do not have the axes of samples_real")
    if any(not results[name].size for name in there):
        raise ConfigError("its samples are none")
    if there and results.attrs.get("kind") == "images":
        shape = results["samples_real"].shape
        if len(shape) != 4 or shape[-1] not in (1, 3):
            raise ConfigError("its samples are no images of 1 or 3 channels")
    if ("snapshots" in results) != ("snapshot_step" in results):
        raise ConfigError("its snapshots and snapshot_step are not both there")
