"""How much does the seed decide? One set-up, 256 seeds: the textbook GAN on a parabola.

A published run is one seed, a careful one three or five. Here the same set-up is trained from 256
seeds (`experiments/studies/seed_stability.yaml`), and the stored outcomes say what fewer would have
shown: the range in which 95 % of all choices of n of them have their success rate.

Command: `python experiments/seed_stability.py`, a minute on 2 cores; `--quick` takes half of it (64
seeds, 2,000 steps). Expect: about half of the seeds converge, in two humps, good or bad, with
little between; ten seeds show any rate from 20 to 80 %; R-hat of the tails is far above 1.01: the
seeds are not samples of one distribution, as chains that mix would be.
"""

import dataclasses
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import gan_jax
from gan_jax.analysis.statistics import (
    clopper_pearson,
    effective_sample_size,
    rank_normalized_r_hat,
    wilson,
)
from gan_jax.commands.script import run_script
from gan_jax.reports.figures import save_figure
from gan_jax.reports.style import STYLE, logarithmic
from gan_jax.reports.watched import run_and_report
from gan_jax.studies.files import read_yaml

FILE = Path(__file__).parent / "studies" / "seed_stability.yaml"
FEWER = (1, 3, 5, 10, 20, 50, 100)


def main(folder: Path = Path("results/seed_stability"), quick: bool = False) -> None:
    """Run the study in `folder`, print what fewer seeds would have shown, and draw it.

    Args:
      folder: where the results go.
      quick: 64 seeds and 2,000 steps instead.
    """
    study = gan_jax.Study.from_dict(read_yaml(FILE))
    if quick:
        study = dataclasses.replace(
            study, base=study.base.replace(steps=2_000), seeds=64, lanes=None
        )
    results = run_and_report(study, folder).isel(variant=0)
    converged = results["verdict"].values == "converged"
    n, successes = len(converged), int(converged.sum())
    score, exact = wilson(successes, n), clopper_pearson(successes, n)
    print(
        f"converged: {successes} of {n} seeds, {score.estimate:.1%}; 95 % intervals: Wilson "
        f"{score.low:.1%} to {score.high:.1%}, Clopper-Pearson {exact.low:.1%} to {exact.high:.1%}"
    )
    print("of all choices of so many seeds, 95 % show a success rate within")
    for fewer in FEWER:
        if fewer < n:
            low, high = usual_rates(successes, n, fewer)
            print(f"{fewer:5}: {low:4.0%} to {high:4.0%}")
    records = max(round(study.criteria.tail_share * results.sizes["step"]), 1)
    tails = results[results.attrs["quality"]].values[:, -records:]
    alive = tails[np.isfinite(tails).all(axis=1)]
    effective = np.median([effective_sample_size(tail) for tail in alive])
    print(
        f"R-hat of {len(alive)} seeds' tails: {rank_normalized_r_hat(alive):.2f}; the "
        f"{tails.shape[1]} records of a tail are worth {effective:.0f} independent ones (median)"
    )
    print(save_figure(draw(results, converged), folder / "figures" / "seed_stability.png"))


def usual_rates(successes: int, n: int, fewer: int) -> tuple[float, float]:
    """The 2.5 and 97.5 % quantiles of the success rate of `fewer` of n seeds, none drawn twice."""
    from scipy.stats import hypergeom

    low, high = hypergeom(n, successes, fewer).ppf([0.025, 0.975]) / fewer
    return float(low), float(high)


def draw(results, converged: np.ndarray) -> Figure:
    """The last distances of all seeds, and the rates that fewer seeds would have shown."""
    last = results[results.attrs["quality"]].values[:, -1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        alive = np.isfinite(last)
        bins = np.geomspace(last[alive].min(), last[alive].max(), 31).tolist()
        both = [last[alive & converged], last[alive & ~converged]]
        labels = [f"converged ({converged.sum()})", f"not ({(~converged).sum()})"]
        left.hist(both, bins, stacked=True, color=["#0072B2", "#D55E00"], label=labels)
        left.set(xscale="log", xlabel="distance of the last samples to the data", ylabel="seeds")
        logarithmic(left.xaxis)
        left.legend(frameon=False)
        left.set_title(f"{len(last)} seeds of one set-up")
        n, successes = len(last), int(converged.sum())
        sizes = np.arange(1, n + 1)
        ranges = np.array([usual_rates(successes, n, size) for size in sizes])
        right.fill_between(
            sizes, 100 * ranges[:, 0], 100 * ranges[:, 1], color="#0072B2", alpha=0.3
        )
        right.axhline(100 * successes / n, color="#0072B2")
        right.set(xscale="log", xlabel="seeds looked at", ylabel="success rate, %", ylim=(0, 100))
        right.set_xticks(shown := [x for x in (1, 3, 10, 30, 100, 300) if x <= n], map(str, shown))
        right.set_title("what fewer seeds show (95 % of choices)")
    return figure


if __name__ == "__main__":
    run_script(main)
