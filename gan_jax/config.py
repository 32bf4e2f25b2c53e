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
from typing import Any, NamedTuple

import numpy as np

from gan_jax.catalogue import CATALOGUE, nearest
from gan_jax.combinations import check_combinations
from gan_jax.fields import (
    LARGEST_FLOAT32,
    BatchRule,
    ConfigError,
    FrozenDict,
    canonical,
    check_even,
    check_name,
    check_range,
)

DEFAULT_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class Static:
    """The fields that shape the compiled program."""

    data: str = "parabola"
    """What is learned: a name of `gan-jax list data`."""
    n_train: int | None = None
    """Train on a finite set of so many samples, drawn with data_seed; else every batch is fresh."""
    generator: str = "dense"
    """The generator's network: a name of `gan-jax list networks`."""
    generator_hidden: tuple[int, ...] = (15,)
    """Widths of the generator's hidden layers."""
    generator_activation: str = "relu"
    """Activation between the generator's layers."""
    generator_normalization: str = "none"
    """Normalisation between the generator's layers: a name of `gan-jax list normalizations`."""
    discriminator: str = "dense"
    """The discriminator's network."""
    discriminator_hidden: tuple[int, ...] = (25,)
    """Widths of the discriminator's hidden layers."""
    discriminator_activation: str = "relu"
    """Activation between the discriminator's layers."""
    discriminator_normalization: str = "none"
    """Normalisation between the discriminator's layers; real and fake batches apart."""
    spectral_norm: bool = False
    """Divide each of the discriminator's kernels by its largest singular value."""
    packing: int = 1
    """Samples that the discriminator judges together, so many to a logit (PacGAN)."""
    latent_dim: int = 5
    """Dimension of the generator's input, standard Gaussian."""
    loss: str = "non_saturating"
    """Both players' loss: a name of `gan-jax list losses`."""
    penalty: str = "none"
    """Regularises the discriminator: a name of `gan-jax list penalties`."""
    penalty_every: int = 1
    """Apply the penalty at every so many discriminator updates, with its weight times as many."""
    update: str = "alternating"
    """Who moves when: a name of `gan-jax list updates`."""
    discriminator_steps: int = 1
    """Discriminator updates a training step."""
    unrolled_steps: int = 5
    """Of update unrolled: discriminator steps that the generator looks ahead."""
    phase_steps: int = 100
    """Of update phased: training steps of one player before it is the other's turn."""
    optimizer: str = "adam"
    """Both players' optimiser (each has its own state): a name of `gan-jax list optimizers`."""
    learning_rate_schedule: str = "constant"
    """Shape of both learning rates over training: a name of `gan-jax list schedules`."""
    batch_size: int = 128
    """Latents a generator update."""
    discriminator_batch: BatchRule = "halves"
    """A discriminator update sees batch_size / 2 real and as many fake, or batch_size of each."""
    evaluation_samples: int = 512
    """Samples that each quality measure is computed from, generated and real alike."""


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
    """Deviation of Gaussian noise on all that the discriminator sees in training, data units."""
    instance_noise_steps: int | None = None
    """Let the instance noise fall linearly, to zero after so many steps; constant if unset."""
    gradient_clip: float | None = None
    """Scale each player's gradient down to at most this norm, each seed's apart."""
    generator_ema: float | None = None
    """Generate with an exponential moving average of the generator's weights, of this decay."""
    steps: int | None = None
    """Training steps; 10,000 unless epochs is given."""
    epochs: int | None = None
    """Instead of steps: so many times floor(n_train / batch_size), batches drawn at random."""
    log_every: int | None = None
    """Record statistics and sample quality every so many steps; a hundredth of all if unset."""
    data_seed: int = 0
    """Draws the training set, and the evaluation's real samples and latents: not a run's seed."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(Experiment):
            value = canonical(field.name, str(field.type), getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        for name, registry in NAMED_FIELDS.items():
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
        if self.n_train is not None and self.n_train < self.batch_size:
            raise ConfigError(
                f"n_train: {self.n_train} given, expected at least one batch ({self.batch_size})"
            )
        if self.epochs is None:
            return
        if self.steps is not None:
            raise ConfigError(
                f"steps and epochs: {self.steps} and {self.epochs} given, expected one of them"
            )
        if self.n_train is None:
            raise ConfigError(
                "epochs: an epoch needs a finite training set, expected n_train beside it"
            )
        check_range("steps in so many epochs", self.total_steps, *COUNT)

    def _check_loss_parameters(self) -> None:
        known = CATALOGUE["losses"].parameters(self.loss)
        for name in self.loss_parameters:
            if name not in known:
                has = nearest(name, known) if known else f"{self.loss!r} has none"
                raise ConfigError(f"loss_parameters: {name!r} given; {has}")
        for name, value in self.loss_parameters.items():
            if name in ("alpha_d", "alpha_g") and self.loss in ALPHA_LOSSES:
                check_range(f"loss_parameters: {name}", value, *RATE)

    @property
    def total_steps(self) -> int:
        """Training steps: `steps`, or floor(n_train / batch_size) x epochs."""
        if self.steps is not None:
            return self.steps
        assert self.n_train is not None and self.epochs is not None  # as _check_duration has seen
        return self.n_train // self.batch_size * self.epochs

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

# field -> key of CATALOGUE
NAMED_FIELDS = {
    "data": "data",
    "generator": "networks",
    "generator_activation": "activations",
    "generator_normalization": "normalizations",
    "discriminator": "networks",
    "discriminator_activation": "activations",
    "discriminator_normalization": "normalizations",
    "loss": "losses",
    "penalty": "penalties",
    "update": "updates",
    "optimizer": "optimizers",
    "learning_rate_schedule": "schedules",
}
ALPHA_LOSSES = ("alpha_saturating", "alpha_non_saturating")

COUNT = (1, 2**31 - 1, "a whole number from 1 to 2147483647")
RATE = (float(np.finfo(np.float32).tiny), LARGEST_FLOAT32, "a finite number greater than 0")
FROM_ZERO = (0.0, LARGEST_FLOAT32, "a finite number from 0 on")
DECAY = (0.0, 1.0 - 2**-24, "a number from 0 to 0.99999994, the last below 1 in float32")
# field -> lowest, highest, in words; NaN lies in no range
RANGES: dict[str, tuple[float, float, str]] = {
    "n_train": COUNT,
    "generator_hidden": COUNT,
    "discriminator_hidden": COUNT,
    "latent_dim": COUNT,
    "packing": COUNT,
    "penalty_every": COUNT,
    "penalty_weight": FROM_ZERO,
    "discriminator_steps": COUNT,
    "unrolled_steps": (0, *COUNT[1:2], "a whole number from 0 to 2147483647"),
    "unrolled_learning_rate": RATE,
    "phase_steps": COUNT,
    "consensus_weight": FROM_ZERO,
    "weight_clip": RATE,
    "label_smoothing": (0.0, 0.5, "a number from 0 to 0.5, where real and fake labels are as far"),
    "instance_noise": FROM_ZERO,
    "instance_noise_steps": COUNT,
    "gradient_clip": RATE,
    "generator_ema": DECAY,
    "batch_size": COUNT,
    "evaluation_samples": COUNT,
    "generator_learning_rate": RATE,
    "discriminator_learning_rate": RATE,
    "beta1": DECAY,
    "beta2": DECAY,
    "steps": COUNT,
    "epochs": COUNT,
    "log_every": COUNT,
    "data_seed": (0, 2**32 - 1, "a whole number from 0 to 4294967295"),
}


def check_fields(names: Iterable[str]) -> None:
    """Refuse names that are no field of `Experiment`, naming the nearest one."""
    for name in names:
        if name not in FIELDS:
            raise ConfigError(f"{name!r} is no field of Experiment; {nearest(str(name), FIELDS)}")


class Leaves(NamedTuple):
    """The traced numbers of an experiment: float32, a scalar each or one value a lane.

    None where a stabiliser is off: it is then not in the program.
    """

    generator_learning_rate: Any
    discriminator_learning_rate: Any
    beta1: Any
    beta2: Any
    loss_parameters: dict[str, Any]
    penalty_weight: Any
    consensus_weight: Any
    unrolled_learning_rate: Any
    weight_clip: Any
    label_smoothing: Any
    instance_noise: Any
    instance_noise_steps: Any  # infinite where the noise is constant
    gradient_clip: Any
    generator_ema: Any
    total_steps: Any  # what a learning rate's schedule is stretched over


def split(experiment: Experiment) -> tuple[Static, Leaves]:
    """Take an experiment apart into what shapes the program and what the program is fed.

    Two experiments with equal `Static`, and the same stabilisers on, run the same compiled program,
    whatever their leaves.
    """
    static = {field.name: getattr(experiment, field.name) for field in dataclasses.fields(Static)}
    values = vars(experiment) | {
        "loss_parameters": experiment.all_loss_parameters(),
        "unrolled_learning_rate": experiment.unrolled_learning_rate
        or experiment.discriminator_learning_rate,
        "instance_noise_steps": experiment.instance_noise_steps or np.inf,
        "total_steps": experiment.total_steps,
    }
    if experiment.instance_noise is None:
        values["instance_noise_steps"] = None
    return Static(**static), Leaves(*(_as_float32(values[name]) for name in Leaves._fields))


def _as_float32(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: np.float32(number) for name, number in value.items()}
    return None if value is None else np.float32(value)
