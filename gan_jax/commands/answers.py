"""The commands that read a study's results: `gan-jax report` and `verdicts`; and `power`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gan_jax.fields import ConfigError


@dataclasses.dataclass(kw_only=True)
class Report:
    """Draw a study's figures and its report again, and print its table.

    Of a study that is not finished, as far as it is.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The folder of a compare or study."""
    export: Literal["parquet"] | None = None
    """Also write the results as tables: seeds.parquet and curves.parquet (extra `parquet`)."""

    def run(self) -> None:
        from gan_jax.reports.shown import show_results

        show_results(self.run_folder, self.export)


@dataclasses.dataclass(kw_only=True)
class Verdicts:
    """Judge every seed again by other criteria, from the stored curves; nothing is trained."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The folder of a finished run."""
    criteria: Path
    """YAML: thresholds by name that differ from the defaults; see gan_jax.Criteria."""
    write: bool = False
    """Make them the study's: rewrite results.nc, seeds.csv, study.yaml, figures and report."""

    def run(self) -> None:
        from gan_jax.reports.shown import show_results, show_tables
        from gan_jax.studies.rejudge import read_criteria, rejudge, store_verdicts

        try:
            criteria = read_criteria(self.criteria)
        except ConfigError as error:
            text = str(error)
            where = "" if text.startswith(str(self.criteria)) else f"{self.criteria}: "
            raise ConfigError(f"{where}{text}") from None
        if self.write:
            judged = store_verdicts(self.run_folder, criteria)
            show_results(self.run_folder)
        else:
            judged = rejudge(self.run_folder, criteria)
            show_tables(next(iter(judged.groups.values())).attrs["study"], judged.groups)
        print(f"{judged.changed} of {judged.runs} verdicts changed")
        if not self.write:
            print("nothing was written; --write makes these criteria the study's")


@dataclasses.dataclass(kw_only=True)
class Power:
    """How many seeds an arm tell two success rates apart.

    Exact and two-sided: Fisher's test, where each arm has seeds of its own; McNemar's, where both
    are trained with the same seeds (--paired).
    """

    rates: tuple[float, float] | None = None
    """The two success rates to be told apart."""
    paired: bool = False
    """Pair the arms seed by seed; needs their covariance."""
    covariance: float | None = None
    """Of the two outcomes (1 or 0) of a seed; 0 says that they have nothing in common."""
    pilot: Path | None = None
    """Take rates and covariance from the results of a study's folder instead."""
    variants: tuple[str, ...] = ()
    """Which two variants of the pilot; by default its first two."""
    power: float = 0.8
    """The probability of finding the difference."""
    alpha: float = 0.05
    """The probability of finding one where there is none, at most."""

    def run(self) -> None:
        if (self.rates is None) == (self.pilot is None):
            raise ConfigError("rates and pilot: expected one of them")
        if self.pilot is not None and (self.paired or self.covariance is not None):
            raise ConfigError("paired and covariance: a pilot's results say both themselves")
        if self.rates is not None and self.variants:
            raise ConfigError("variants: they are a pilot's, expected --pilot beside them")
        try:
            if self.pilot is not None:
                self._ask_pilot(self.pilot)
            elif self.rates is not None:
                self._ask_rates(*self.rates)
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def _ask_rates(self, first: float, second: float) -> None:
        from gan_jax.analysis.statistics import paired_seeds, seeds_per_arm

        if self.paired and self.covariance is None:
            raise ConfigError("paired: expected --covariance of the two outcomes beside it")
        if self.covariance is not None and not self.paired:
            raise ConfigError("covariance: it is of paired seeds, expected --paired beside it")
        if self.covariance is None:
            n, test = seeds_per_arm(first, second, self.power, self.alpha), "Fisher's"
        else:
            n = paired_seeds(first, second, self.covariance, self.power, self.alpha)
            test = "McNemar's"
        levels = f"two-sided {100 * self.alpha:g} %, power {100 * self.power:g} %"
        print(f"{n} {'seed' if n == 1 else 'seeds'} per arm: {test} exact test, {levels}")

    def _ask_pilot(self, folder: Path) -> None:
        from gan_jax.analysis.statistics import pilot
        from gan_jax.studies.results import load_results

        results = load_results(folder)
        known = [str(name) for name in results["variant"].values]
        names = list(self.variants) or known[:2]
        if len(set(names)) != 2 or not set(names) <= set(known) or len(names) != 2:
            raise ConfigError(
                f"variants: {' '.join(names)} given, expected two of {', '.join(known)}"
            )
        both = [results.sel(variant=name) for name in names]
        ran = (both[0]["status"].values == "done") & (both[1]["status"].values == "done")
        if not ran.any():
            raise ConfigError(f"{folder}: {' and '.join(names)} have no finished seed in common")
        first, second = ((one["verdict"].values == "converged")[ran] for one in both)
        n = f"{len(first)} {'seed' if len(first) == 1 else 'seeds'}"
        for name, outcome in zip(names, (first, second), strict=True):
            print(f"{name}: converged in {100 * outcome.mean():.1f} % of {n}")
        found = pilot(first, second, self.power, self.alpha)
        print(f"covariance of a seed's two outcomes: {found.covariance:.3f}")
        print(f"{found.seeds_per_arm} seeds per arm if they are independent: Fisher's exact test")
        print(f"{found.paired_seeds} if they are the same seeds: McNemar's exact test")
