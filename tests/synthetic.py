"""Results of studies that never ran: any outcomes, in the form that a study's results have."""

import json
from dataclasses import asdict

import numpy as np
import xarray as xr

from gan_jax.analysis.verdicts import Criteria

SHAPES = {"points": (2,), "images": (6, 5, 1), "sequences": (12, 1)}
SHOWN = {"points": 128, "images": 9, "sequences": 4}
LAST = {"converged": 0.03, "unconverged": 0.2, "collapsed": 0.4, "oscillating": 0.15}


def synthetic(outcomes, kind="points", shape=None, moments=5, fields=None, name="synthetic"):
    """Results of a study whose seeds end as told.

    Args:
      outcomes: variant -> a verdict a seed, "" for a missing one.
      kind: of the data.
      shape: of a sample.
      moments: of training at which samples are kept.
      fields: variant -> what it varies.
      name: the study's.
    """
    draws = np.random.default_rng(0)
    verdicts = np.array(list(outcomes.values()), dtype=object)
    steps = np.arange(0, 1001, 50)
    variants, seeds = verdicts.shape
    shape = SHAPES[kind] if shape is None else shape
    axes = ["feature"] if len(shape) == 1 else [f"axis_{i}" for i in range(len(shape))]
    last = np.vectorize(lambda verdict: LAST.get(verdict, 0.3), otypes=[float])(verdicts)
    last = last * draws.uniform(0.8, 1.25, last.shape)
    fall = np.exp(-steps / 200)
    curves = (1 - last[..., None]) * fall + last[..., None]
    curves = curves * draws.uniform(0.9, 1.1, curves.shape)
    first = np.full(verdicts.shape, -1)
    first[verdicts == "diverged"], first[verdicts == ""] = 500, -2
    curves[(first == 500)[..., None] & (steps >= 500)] = np.nan
    curves[first == -2] = np.nan
    recorded = np.ones((variants, len(steps)), bool)
    if variants > 1:  # the last variant was recorded at every other step
        recorded[-1, 1::2] = False
    curves[~np.repeat(recorded[:, None], seeds, axis=1)] = np.nan
    real = draws.normal(size=(64, *shape)).clip(-1, 1)
    samples = draws.normal(size=(variants, seeds, 64, *shape)) * (
        0.3 + last[:, :, *[None] * (1 + len(shape))]
    )
    samples[first != -1] = np.nan
    shown = SHOWN[kind]
    snapshots = draws.normal(size=(variants, seeds, moments, shown, *shape))
    snapshots[first != -1, moments // 2 :] = np.nan
    if kind == "images":
        snapshots = (np.nan_to_num(snapshots).clip(-1, 1) * 127 + 127).astype(np.uint8)
    verdict_step = np.where(verdicts == "", -1, draws.integers(5, 20, verdicts.shape) * 50)
    floor = draws.uniform(0.008, 0.02, (variants, 100))
    pair, curve = ("variant", "seed"), ("variant", "seed", "step")
    names = ["sliced_wasserstein", "generator_gradient_norm", "diversity", "accuracy_real"]
    names += ["accuracy_fake", "generator_loss", "discriminator_loss"]
    detail = np.where(verdicts == "collapsed", "partial", "").astype(object)
    evidence = [[f"coverage 0.5, judged {v}" if v else "" for v in row] for row in verdicts]
    return xr.Dataset(
        {key: (curve, curves.astype(np.float32)) for key in names}
        | {
            "status": (pair, np.where(verdicts == "", "missing", "done").astype(object)),
            "verdict": (pair, verdicts),
            "verdict_detail": (pair, detail),
            "verdict_step": (pair, verdict_step),
            "verdict_evidence": (pair, np.array(evidence, dtype=object)),
            "recorded": (("variant", "step"), recorded),
            "first_nonfinite_step": (pair, first),
            "wall_seconds": (("variant",), np.full(variants, 12.0)),
            "floor_sliced_wasserstein": (("variant", "draw"), floor),
            "samples": ((*pair, "sample", *axes), samples.astype(np.float32)),
            "samples_real": (("sample", *axes), real.astype(np.float32)),
            "snapshots": ((*pair, "moment", "shown", *axes), snapshots.astype(snapshots.dtype)),
            "snapshot_step": (
                ("variant", "moment"),
                np.tile(np.linspace(0, 1000, moments).astype(int), (variants, 1)),
            ),
        },
        coords={
            "variant": list(outcomes),
            "seed": np.arange(seeds),
            "step": steps,
            "data": ("variant", ["ring"] * variants),
        },
        attrs={
            "study": name,
            "quality": "sliced_wasserstein",
            "kind": kind,
            "criteria": json.dumps(asdict(Criteria())),
            "fields": json.dumps(fields or {}),
            "jax": "0.10.2",
            "gan_jax": "0.1.0",
        },
    )


def mixed(variants=2, seeds=16):
    """Outcomes of some variants, the first the worst: converged, collapsed and a few others."""
    names = [f"variant_{place}" for place in range(variants)]
    return {
        name: [
            "converged" if seed * variants < (place + 0.5) * seeds else others
            for seed, others in zip(range(seeds), OTHERS * seeds, strict=False)
        ]
        for place, name in enumerate(names)
    }


OTHERS = ("collapsed", "unconverged", "collapsed", "diverged", "oscillating")
