"""The fields that shape a compiled program: names and sizes, hashable."""

from __future__ import annotations

from dataclasses import dataclass

from gan_jax.fields import BatchOrder, BatchRule, OutputRule, PrecisionRule, StatisticsRule


@dataclass(frozen=True, kw_only=True)
class Static:
    """The fields that shape the compiled program."""

    data: str = "parabola"
    """What is learned: a name of `gan-jax list data`, or the path of an array, x.npy [n, ...]."""
    data_scaling: bool = False
    """Show the networks the data scaled to [-1, 1]; samples and measures stay in data units."""
    n_train: int | None = None
    """Train on a finite set of so many samples, drawn with data_seed; else every batch is fresh
    (of data from a file: drawn from all its training rows)."""
    batch_order: BatchOrder = "random"
    """Of a finite training set: draw batches at random, or pass through it in shuffled order, a
    pass being over when every row has been shown (see discriminator_batch for how many at once)."""
    latent_pool: int | None = None
    """Draw training latents from so many fixed ones, drawn with data_seed; else each is fresh."""
    generator: str = "dense"
    """The generator's network: a name of `gan-jax list networks`."""
    generator_hidden: tuple[int, ...] = (15,)
    """Widths of the generator's hidden layers."""
    generator_activation: str = "relu"
    """Activation between the generator's layers."""
    generator_normalization: str = "none"
    """Normalisation between the generator's layers: a name of `gan-jax list normalizations`."""
    generator_dropout: float | None = None
    """Share of the generator's hidden outputs that are dropped in training."""
    generator_output: OutputRule = "linear"
    """The generator's last function: linear, or tanh for data within [-1, 1]."""
    discriminator: str = "dense"
    """The discriminator's network."""
    discriminator_hidden: tuple[int, ...] = (25,)
    """Widths of the discriminator's hidden layers."""
    discriminator_activation: str = "relu"
    """Activation between the discriminator's layers."""
    discriminator_normalization: str = "none"
    """Normalisation between the discriminator's layers."""
    discriminator_statistics: StatisticsRule = "apart"
    """Batch statistics of the discriminator: of real and fake batches apart, or together."""
    discriminator_dropout: float | None = None
    """Share of the discriminator's hidden outputs that are dropped in training."""
    initialization: str = "he_uniform"
    """How both networks' kernels start: a name of `gan-jax list initializations`."""
    initial_deviation: float | None = None
    """Deviation of normal kernels (0.02 if unset), gain of orthogonal ones (1 if unset)."""
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
    matmul_precision: PrecisionRule = "float32"
    """Of matrix products on a GPU or TPU; a CPU's are float32 whatever is said."""
    evaluation_samples: int = 512
    """Samples that each quality measure is computed from, generated and real alike."""
    classifier_measures: bool = False
    """Of digits: also measure classes and distances with the trained classifier of
    `gan-jax classifier`."""
