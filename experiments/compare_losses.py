"""What is the success rate of each loss, and how many seeds would have misled? 256 seeds a loss.

All losses on the parabola, the same 256 seeds for each, 10,000 steps. From the stored outcomes: how
often would 1, 3, 5 or 10 of these seeds have named the wrong winner, of two losses and of all?

Command: `python experiments/compare_losses.py`, 13 minutes on 2 cores; `--quick` takes four (32
seeds, 2,000 steps). Expect: rates from 1 to 94 %. Least squares leads by far, and the losses that
want a Lipschitz discriminator, which none here is, hardly converge. Three seeds name another winner
in half of their choices; between saturating and non-saturating, 6 points apart, ten seeds name the
wrong one in 28 % and neither in 21 %.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import gan_jax
from gan_jax.analysis.statistics import chance_of_wrong_winner, holm, mcnemar, newcombe
from gan_jax.commands.script import run_script
from gan_jax.reports.figures import save_figure
from gan_jax.reports.style import STYLE
from gan_jax.reports.watched import run_and_report

FEW = {1: "#D55E00", 3: "#E69F00", 5: "#56B4E9", 10: "#0072B2"}
SIZES = (1, 2, 3, 5, 10, 20, 50, 100)
DRAWS = 20_000


def main(
    folder: Path = Path("results/compare_losses"),
    losses: tuple[str, ...] = (),
    steps: int = 10_000,
    seeds: int = 256,
    quick: bool = False,
) -> None:
    """Run the study in `folder`, print rates and how often few seeds mislead, and draw that.

    Args:
      folder: where the results go.
      losses: which; all if none are named.
      steps: training steps.
      seeds: how many seeds a loss.
      quick: 32 seeds and 2,000 steps instead.
    """
    if quick:
        steps, seeds = 2_000, 32
    variants = {loss: {"loss": loss} for loss in losses or tuple(gan_jax.LOSSES)}
    base = gan_jax.preset("parabola", steps=steps)
    study = gan_jax.Study("compare_losses", base, variants, seeds, moments=0)
    results = run_and_report(study, folder)
    converged = {
        str(loss): (results["verdict"].sel(variant=loss) == "converged").values for loss in variants
    }
    print_rates(results, converged)
    print_misled(converged)
    print(save_figure(draw(converged), folder / "figures" / "misled.png"))


def print_rates(results: xr.Dataset, converged: dict[str, np.ndarray]) -> None:
    """Each loss's rate, best first, and its difference from the best, seed by seed."""
    table = gan_jax.summarize(results).sort_values("converged", ascending=False, kind="stable")
    best = str(table.index[0])
    p_values = holm(np.array([mcnemar(converged[best], converged[x]).p_value for x in table.index]))
    print(f"converged, and points behind {best} (paired; p by McNemar, Holm's correction):")
    for (loss, row), p_value in zip(table.iterrows(), p_values, strict=True):
        behind = newcombe(converged[best], converged[str(loss)])
        compared = (
            f"{100 * behind.estimate:5.1f} ({100 * behind.low:.1f} to {100 * behind.high:.1f}), "
            f"p = {p_value:.2g}"
        )
        print(
            f"{loss:36}{row['converged']:6.1%}  ({row['converged_low']:.1%} to "
            f"{row['converged_high']:.1%})  {'' if loss == best else compared}"
        )


def print_misled(converged: dict[str, np.ndarray]) -> None:
    """How often few seeds name the wrong one of two losses, and of all."""
    n = len(next(iter(converged.values())))
    if {"saturating", "non_saturating"} <= converged.keys():
        print("saturating against non_saturating: of all choices of so many seeds")
        for few in (size for size in SIZES if size < n):
            two = converged["saturating"], converged["non_saturating"]
            wrong, tied, right = chance_of_wrong_winner(*two, few)
            print(f"{few:5}: wrong {wrong:.0%}, tied {tied:.0%}, right {right:.0%}")
    print(f"of all {len(converged)} losses, another than the best wins, ties broken by lot")
    for few, chance in wrong_of_all(converged).items():
        print(f"{few:5}: {chance:.0%}")


def wrong_of_all(converged: dict[str, np.ndarray]) -> dict[int, float]:
    """How often so many seeds name another winner than all seeds do, of all losses.

    DRAWS seeded choices without replacement, the same seeds for every loss; where several losses
    lead, each is named equally often.
    """
    outcomes = np.stack(list(converged.values())).astype(np.float64)  # [loss, seed]
    rates = outcomes.sum(axis=1)
    best = rates == rates.max()
    generator, n = np.random.default_rng(0), outcomes.shape[1]
    chances = {}
    for few in (size for size in SIZES if size < n):
        order = generator.permuted(np.tile(np.arange(n), (DRAWS, 1)), axis=1)[:, :few]
        chosen = np.zeros((DRAWS, n))
        np.put_along_axis(chosen, order, 1.0, axis=1)
        counts = chosen @ outcomes.T  # [draw, loss]
        leads = counts == counts.max(axis=1, keepdims=True)
        chances[few] = float(1 - (leads[:, best].sum(axis=1) / leads.sum(axis=1)).mean())
    return chances


def draw(converged: dict[str, np.ndarray]) -> Figure:
    """Chance of a wrong winner: of every pair of losses against their difference, and of all."""
    names, n = list(converged), len(next(iter(converged.values())))
    # Of two losses with one rate, such as alpha's at 1 and what it generalises, neither is better.
    every = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    pairs = [(a, b) for a, b in every if converged[a].sum() != converged[b].sum()]
    gaps = np.array([abs(converged[a].mean() - converged[b].mean()) for a, b in pairs])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        for few, colour in FEW.items():
            if few < n:
                chances = [
                    chance_of_wrong_winner(converged[a], converged[b], few) for a, b in pairs
                ]
                wrong = [100 * (chance.wrong + chance.tied / 2) for chance in chances]
                label = f"{few} seed" if few == 1 else f"{few} seeds"
                left.scatter(100 * gaps, wrong, s=14, color=colour, label=label)
        left.set(xlabel="points between the two success rates, all seeds", ylabel="wrong, %")
        left.set_ylim(0, 52)
        left.set_title("a pair of losses: the worse one wins, ties by lot")
        if pairs:
            left.legend(frameon=False)
        of_all = wrong_of_all(converged)
        sizes = list(of_all)
        right.plot(sizes, [100 * x for x in of_all.values()], "o-", color="#0072B2")
        right.set(xscale="log", xlabel="seeds", ylabel="wrong, %", ylim=(0, 100))
        right.set_xticks(sizes, map(str, sizes))
        right.set_xticks([], minor=True)
        right.set_title(f"all {len(names)} losses: not the best one wins, ties by lot")
    return figure


if __name__ == "__main__":
    run_script(main)
