"""The data of the report's gallery: samples of many seeds over training, small enough for a page.

Numbers are quantised to bytes over the range in which the samples are drawn; the page's script
draws them. What does not fit is left out, and said.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_jax.reports.records import last_qualities, ran
from gan_jax.reports.scatters import plane_of
from gan_jax.reports.sequences import SPACING
from gan_jax.reports.style import DASHES, colour, dash
from gan_jax.studies.cells import SHOWN

if TYPE_CHECKING:
    import xarray as xr

MOST_SEEDS = 512
LARGEST = 6_000_000  # bytes of samples, before base64 makes a third more of them
LEVELS = 254  # a quantised value is 0 .. LEVELS; 255 is what is outside, or no number
NOTHING = 255
LONGEST_NAME = 200
MARGIN = 0.5  # of the real samples' range, on either side


class Moments(NamedTuple):
    """Generated samples at some moments of training.

    Attributes:
      samples: [variant, seed, moment, shown, *shape].
      steps: [variant, moment]; -1 where a variant has fewer moments.
    """

    samples: np.ndarray
    steps: np.ndarray


def moments_of(results: xr.Dataset) -> Moments:
    """The kept snapshots; of results without them, the last samples as the only moment."""
    if "snapshots" in results and results.sizes.get("moment", 0):
        axes = [d for d in results["snapshots"].dims if str(d) not in ("variant", "seed", "moment")]
        ordered = results["snapshots"].transpose("variant", "seed", "moment", *axes).values
        if results.attrs.get("kind") == "images":  # a missing seed's are no numbers
            ordered = np.nan_to_num(ordered).astype(np.uint8)
        steps = results["snapshot_step"].transpose("variant", "moment").values
        return Moments(ordered, steps.astype(int))
    samples = results["samples"].transpose("variant", "seed", "sample", ...).values
    steps = np.full((len(samples), 1), int(results["step"].values[-1]))
    return Moments(samples[:, :, None], steps)


def gallery(results: xr.Dataset) -> dict[str, Any]:
    """Everything that the page's script needs, as plain JSON.

    `kind`, and for it `shape`: [moment, *picture]; `variants` (name, colour, border), `cards`
    (one a seed: variant, seed, verdict, evidence, distance or null, place of its samples),
    `steps` [variant][moment], `samples` [card, moment, value] and `real` [value] as bytes in
    base64, and `left_out`: a sentence, or "". No cards, and nothing else, where no seed ran.
    """
    kind = results.attrs.get("kind", "points")
    variants = results["variant"].values.tolist()
    here = np.array([ran(results, name) for name in variants])
    rows, seeds = _chosen(here)
    if not len(rows):
        return {"cards": []}
    moments = moments_of(results)
    n = min(SHOWN[kind], moments.samples.shape[3])
    samples = moments.samples[rows, seeds][:, :, :n]
    real = results["samples_real"].values[: 4 * n if kind == "points" else n]
    pictures, real_picture = QUANTISE[kind](samples, real, results["samples_real"].values)
    kept = _moments_that_fit(pictures)
    pictures = pictures[:, kept]
    words = _left_out(here.sum(), len(rows), pictures.shape[1], moments.samples.shape[2])
    return {
        "kind": kind if real[0].size > 1 or kind != "points" else "line",
        "shape": list(pictures.shape[1:]),
        "realShape": list(real_picture.shape),
        "variants": [
            {
                "name": str(name)[:LONGEST_NAME],
                "colour": colour(results, name),
                "border": DASHES[dash(results, name)],
            }
            for name in variants
        ],
        "cards": _cards(results, rows, seeds),
        "steps": moments.steps[:, kept].tolist(),
        "samples": _base64(pictures),
        "real": _base64(real_picture),
        "left_out": words,
    }


def _chosen(here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variant and seed places of the seeds shown: of each variant the first that ran."""
    each = max(MOST_SEEDS // max(int(here.any(axis=1).sum()), 1), 1)
    first = here & (np.cumsum(here, axis=1) <= each)
    rows, seeds = np.nonzero(first)
    return rows[:MOST_SEEDS], seeds[:MOST_SEEDS]


def _moments_that_fit(pictures: np.ndarray) -> np.ndarray:
    """Places of the moments kept: all, or evenly spaced ones with the last."""
    n = pictures.shape[1]
    size = max(pictures[:, :1].size, 1)
    fitting = min(max(LARGEST // size, 1), n)
    return np.unique(np.linspace(n - 1 if fitting == 1 else 0, n - 1, fitting).round().astype(int))


def _left_out(n: int, shown: int, kept: int, moments: int) -> str:
    words = []
    if shown < n:
        words.append(f"{shown} of {n} seeds are shown, of each variant the first")
    if kept < moments:
        words.append(f"{kept} of {moments} kept moments are shown")
    return "; ".join(words) + ("." if words else "")


def _cards(results: xr.Dataset, rows: np.ndarray, seeds: np.ndarray) -> list[dict[str, Any]]:
    names = results["variant"].values
    last = {row: last_qualities(results, str(names[row])) for row in np.unique(rows)}
    cards = []
    for row, seed in zip(rows.tolist(), seeds.tolist(), strict=True):
        one, distance = {"variant": row, "seed": seed}, float(last[row][seed])
        verdict = str(results["verdict"].isel(one).item())
        detail = str(results["verdict_detail"].isel(one).item())
        evidence = ""
        if "verdict_evidence" in results:
            evidence = str(results["verdict_evidence"].isel(one).item())[:LONGEST_NAME]
        cards.append(
            {
                "variant": row,
                "seed": int(results["seed"].values[seed]),
                "verdict": verdict,
                "evidence": evidence or detail,
                "distance": distance if np.isfinite(distance) else None,
            }
        )
    return cards


def quantised(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Numbers in low .. high as 0 .. LEVELS; outside and not finite: NOTHING."""
    inside = (x >= low) & (x <= high)
    scaled = np.where(inside, (x - low) / (high - low), 0) * LEVELS
    return np.where(inside, scaled.round(), NOTHING).astype(np.uint8)


def _points(
    samples: np.ndarray, real: np.ndarray, every_real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points [card, moment, n, dim] in the plane, or on a line, in the real ones' range."""
    flat = samples.reshape(*samples.shape[:3], -1).astype(np.float64)
    reals = real.reshape(len(real), -1)
    if flat.shape[-1] > 1:
        project = plane_of(every_real)
        with np.errstate(invalid="ignore", over="ignore"):  # a diverged seed's may be anything
            flat = project(flat.reshape(-1, *every_real.shape[1:])).reshape(*flat.shape[:3], 2)
        reals, every_real = project(real), project(every_real)
    every_real = every_real.reshape(len(every_real), -1)
    low, high = every_real.min(axis=0), every_real.max(axis=0)
    margin = np.where(high > low, MARGIN * (high - low), 1.0)
    low, high = low - margin, high + margin
    # A point with one coordinate outside is outside.
    places = quantised(flat, low[None, None, None], high[None, None, None])
    places[(places == NOTHING).any(axis=-1)] = NOTHING
    return places, quantised(reals, low[None], high[None])


def _images(
    samples: np.ndarray, real: np.ndarray, every_real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Images [card, moment, n, height, width, channel] as bytes: a few, if many are too large."""
    del every_real
    found, reals = _as_bytes(samples), _as_bytes(real)
    for n in (9, 4, 1):
        found, reals = found[:, :, :n], reals[:n]
        if found.size <= LARGEST:
            break
    return found, reals


def _as_bytes(x: np.ndarray) -> np.ndarray:
    if x.dtype == np.uint8:
        return x
    return (np.clip(np.nan_to_num(x, nan=-1.0) / 2 + 0.5, 0, 1) * 255).round().astype(np.uint8)


def _sequences(
    samples: np.ndarray, real: np.ndarray, every_real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences [card, moment, n, time], clipped to a band about the real ones' range."""
    low, high = float(every_real.min()), float(every_real.max())
    middle, half = (low + high) / 2, SPACING / 2 * (high - low or 1.0)
    ends = np.array(middle - half), np.array(middle + half)
    found, reals = (
        quantised(np.clip(x.reshape(*x.shape[:places], -1), *ends), *ends)
        for x, places in ((samples.astype(np.float64), 3), (real, 1))
    )
    return found, reals


QUANTISE = {"points": _points, "images": _images, "sequences": _sequences}


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
