"""One training set-up as a value: flat, frozen, validated when it is made.

Why: every study, command line and results file speaks of experiments, so a wrong one must be
refused here, in one line, before anything compiles. Knows every registry by its JAX-free table,
and no JAX.

Two kinds of field. Those of `Static` shape the program: names and sizes, hashable, one compilation
a value. The rest of `Experiment` does not: real numbers that are traced, one value a seed if need
be, and counters of the host's loop. `split` takes them apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_jax.catalogue import CATALOGUE, nearest
from gan_jax.combinations import check_combinations
from gan_jax.config.ranges import ALPHA_LOSSES, COUNT, NAMED_FIELDS, RANGES, RATE
from gan_jax.config.static import Static
from gan_jax.data_facts import DataFacts, data_facts, is_array
from gan_jax.fields import (
    ConfigError,
    FrozenDict,
    canonical,
    check_even,
    check_name,
    check_range,
    shown,
)

DEFAULT_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class Experiment(Static):
    """One training set-up: everything but the seed.

    Raises:
      ConfigError: at construction, when a field is of the wrong type, out of its range or names no
        registry entry, or when fields contradict one another.
    """

    generator_learning_rate: float = 1e-3
    """The generator's learning rate."""
    discriminator_learning_rate: float = 1e-3
    """The discriminator's learning rate."""
    beta1: float = 0.9
    """Decay of the gradient's mean: Adam's, AdaBelief's; of momentum, the heavy ball's."""
    beta2: float = 0.999
    """Decay of the gradient's square: Adam's, AdaBelief's, RMSProp's."""
    loss_parameters: Mapping[str, float] = FrozenDict()
    """Values for the loss's own parameters, where it has any: alpha_d 0.5 alpha_g 1, say."""
    penalty_weight: float = 10.0
    """The penalty's weight; of r1 and r2 the papers' gamma, the 1/2 being in the penalty."""
    consensus_weight: float = 10.0
    """Of update consensus: the weight gamma of gamma/2 |v|^2."""
    unrolled_learning_rate: float | None = None
    """Of update unrolled: step size of the inner gradient steps; the discriminator's if unset."""
    weight_clip: float | None = None
    """Clip the discriminator's parameters to -c .. c after each of its updates (WGAN)."""
    label_smoothing: float | None = None
    """One-sided: lower the real samples' label by so much, from 1 to 1 - s."""
    instance_noise: float | None = None
    """Deviation of Gaussian noise on all that the discriminator sees in training, in the units
    it sees: the data's, unless they are scaled."""
    instance_noise_steps: int | None = None
    """Let the instance noise fall linearly, to zero after so many steps; constant if unset."""
    gradient_clip: float | None = None
    """Scale each player's gradient down to at most this norm, each seed's apart."""
    generator_ema: float | None = None
    """Generate with an exponential moving average of the generator's weights, of this decay."""
    steps: int | None = None
    """Training steps; 10,000 unless epochs is given."""
    epochs: int | None = None
    """Instead of steps: so many times floor(training samples / batch_size), the published count."""
    log_every: int | None = None
    """Record statistics and sample quality every so many steps; a hundredth of all if unset."""
    data_seed: int = 0
    """Draws the training set, and the evaluation's real samples and latents: not a run's seed."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(Experiment):
            value = canonical(field.name, str(field.type), getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        for name, registry in NAMED_FIELDS.items():
            if name == "data" and Path(self.data).suffix and not is_array(self.data):
                raise ConfigError(
                    f"data: {shown(self.data)} given, expected an array's file x.npy (numpy.save "
                    "writes one), or a name of `gan-jax list data`"
                )
            if name != "data" or not is_array(self.data):
                check_name(name, getattr(self, name), CATALOGUE[registry].names())
        for name, (low, high, expected) in RANGES.items():
            check_range(name, getattr(self, name), low, high, expected)
        if self.discriminator_batch == "halves":
            why = "since discriminator_batch is 'halves' (or make it 'full')"
            check_even("batch_size", self.batch_size, why)
        check_even("evaluation_samples", self.evaluation_samples, "since diversity compares pairs")
        self._check_duration()
        self._check_loss_parameters()
        check_combinations(self)

    def _check_duration(self) -> None:
        if self.steps is None and self.epochs is None:
            object.__setattr__(self, "steps", DEFAULT_STEPS)
        rows = self.data_facts.rows
        if self.n_train is not None and rows is not None and self.n_train > rows:
            raise ConfigError(
                f"n_train: {self.n_train} given, but {self.data} has {rows} rows to train on"
            )
        if self.n_train is not None and self.n_train < self.batch_size:
            raise ConfigError(
                f"n_train: {self.n_train} given, expected at least one batch ({self.batch_size})"
            )
        if rows is not None and rows < self.batch_size:
            raise ConfigError(
                f"batch_size: {self.batch_size} given, but {self.data} has {rows} rows to train on"
            )
        if self.epochs is None:
            return
        if self.steps is not None:
            raise ConfigError(
                f"steps and epochs: {self.steps} and {self.epochs} given, expected one of them"
            )
        if self.training_samples is None:
            raise ConfigError(
                "epochs: an epoch needs a finite training set, expected n_train beside it"
            )
        check_range("steps in so many epochs", self.total_steps, *COUNT)

    def _check_loss_parameters(self) -> None:
        known = CATALOGUE["losses"].parameters(self.loss)
        for name in self.loss_parameters:
            if name not in known:
                has = nearest(name, known) if known else f"{self.loss!r} has none"
                raise ConfigError(f"loss_parameters: {shown(name)} given; {has}")
        for name, value in self.loss_parameters.items():
            if name in ("alpha_d", "alpha_g") and self.loss in ALPHA_LOSSES:
                check_range(f"loss_parameters: {name}", value, *RATE)

    @property
    def data_facts(self) -> DataFacts:
        """Shape, kind and size of the data, as far as they are known before any are read."""
        return data_facts(self.data)

    @property
    def training_samples(self) -> int | None:
        """How many samples there are to train on: `n_train`, or a file's rows; None: no end."""
        return self.data_facts.rows if self.n_train is None else self.n_train

    @property
    def total_steps(self) -> int:
        """Training steps: `steps`, or floor(training_samples / batch_size) x epochs."""
        if self.steps is not None:
            return self.steps
        samples = self.training_samples
        assert samples is not None and self.epochs is not None  # as _check_duration has seen
        return samples // self.batch_size * self.epochs

    @property
    def record_every(self) -> int:
        """Steps between records: `log_every`, or a hundredth of `total_steps`, at least 1."""
        return max(self.total_steps // 100, 1) if self.log_every is None else self.log_every

    def replace(self, **changes: Any) -> Experiment:
        """Return a copy with `changes`, validated anew.

        Raises:
          ConfigError: when a name is no field (the nearest field is named), or a value is refused.
        """
        check_fields(changes)
        # The two say the same thing in two ways: whoever changes one lets go of the other.
        for one, other in (("steps", "epochs"), ("epochs", "steps")):
            if changes.get(one) is not None:
                changes = {other: None} | changes
        # Likewise whoever changes the loss lets go of parameters that only the old one has.
        if isinstance(changes.get("loss"), str) and "loss_parameters" not in changes:
            known = CATALOGUE["losses"].parameters(changes["loss"])
            kept = {name: x for name, x in self.loss_parameters.items() if name in known}
            changes = {"loss_parameters": kept} | changes
        return dataclasses.replace(self, **changes)

    def all_loss_parameters(self) -> dict[str, float]:
        """The values of all the loss's own parameters: `loss_parameters`, or their defaults."""
        return {**CATALOGUE["losses"].parameters(self.loss), **self.loss_parameters}

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain Python, ready for YAML; `Experiment(**fields)` restores it."""
        plain = {name: getattr(self, name) for name in FIELDS}
        for name, value in plain.items():
            if isinstance(value, tuple):
                plain[name] = list(value)
            elif isinstance(value, Mapping):
                plain[name] = dict(value)
        return plain


FIELDS: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Experiment))


def check_fields(names: Iterable[str]) -> None:
    """Refuse names that are no field of `Experiment`, naming the nearest one."""
    for name in names:
        if name not in FIELDS:
            raise ConfigError(f"{shown(name)} is no field of Experiment; {nearest(name, FIELDS)}")
