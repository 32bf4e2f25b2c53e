"""The built-in registry entries as text: name, formula in one line, source.

Why: command line, help and validation must answer without importing JAX (seconds). A test holds
each table against its registry, so the two cannot drift apart.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One line of `gan-jax list`: what the name means, and where it comes from.

    Attributes:
      summary: its formula, or what it is, in one line.
      source: authors and year.
      parameters: the defaults of its own parameters, for the entries that have any (losses).
      supports: which options it can be combined with, where that is not all of them: a network's
        "packing", "normalization", "spectral_norm", "output", "initialization", "dropout",
        "maxout", and "images" or "sequences" where it takes nothing else; a loss's
        "label_smoothing"; "batch_average" of a loss whose terms are compared with means over the
        batch; "batch_statistics" of a normalisation that computes with them; "scaling" of data
        whose range is known.
      shape: of one sample, for data.
      kind: "points", "images" or "sequences", for data.
      rows: of data from a file, how many samples are for training and how many are held out.
    """

    summary: str
    source: str
    parameters: Mapping[str, float] = {}
    supports: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    kind: str = "points"
    rows: tuple[int, int] | None = None


class Registry(NamedTuple):
    """A registry's built-in entries and where the live dict is: `module.attribute`."""

    module: str
    attribute: str
    entries: dict[str, Entry]
    legend: str = ""

    def names(self) -> list[str]:
        """Every name usable now: the built-in ones, and those a script has registered."""
        return [*self.entries, *(name for name in self._live() if name not in self.entries)]

    def parameters(self, name: str) -> Mapping[str, float]:
        """The defaults of an entry's own parameters, for the entries that have any (losses)."""
        return self._of(name, "parameters", {})

    def supports(self, name: str, option: str) -> bool:
        """Whether an entry can be combined with an option; see `Entry.supports`."""
        return option in self._of(name, "supports", ())

    def find(self, name: str) -> Any:
        """The entry of a name: the live one where its module is loaded, else the table's line."""
        return self._live().get(name) or self.entries[name]

    def supporting(self, option: str) -> list[str]:
        """The names of all entries that can be combined with an option."""
        return [name for name in self.names() if self.supports(name, option)]

    def _of(self, name: str, attribute: str, absent: Any) -> Any:
        # A script may have replaced a built-in entry, or named a plain function.
        known = name in self._live() or name in self.entries
        return getattr(self.find(name), attribute, absent) if known else absent

    def _live(self) -> dict[str, Any]:
        return getattr(sys.modules.get(self.module), self.attribute, {})


GOODFELLOW_2014 = "Goodfellow et al. 2014"
GOODFELLOW_2016 = "Goodfellow 2016 (NIPS tutorial)"
NOWOZIN = "Nowozin et al. 2016"
JOLICOEUR = "Jolicoeur-Martineau 2019"
WELFERT = "Welfert et al. 2024"
MESCHEDER_2017, MESCHEDER_2018 = "Mescheder et al. 2017", "Mescheder et al. 2018"
DASKALAKIS = "Daskalakis et al. 2018"
BROWNLEE, LIN = "Brownlee 2019", "Lin et al. 2018"

SCALABLE = ("scaling",)
SMOOTHABLE, AVERAGES = ("label_smoothing",), ("batch_average",)
RECURRENT, STATISTICS = ("sequences", "packing", "output", "dropout"), ("batch_statistics",)
ALPHAS = {"alpha_d": 1.0, "alpha_g": 1.0}

CATALOGUE: dict[str, Registry] = {
    "losses": Registry(
        "gan_jax.losses",
        "LOSSES",
        {
            "saturating": Entry(
                "D: sp(-r) + sp(f)   G: -sp(f)", GOODFELLOW_2014, supports=SMOOTHABLE
            ),
            "non_saturating": Entry(
                "D: sp(-r) + sp(f)   G: sp(-f)", GOODFELLOW_2014, supports=SMOOTHABLE
            ),
            "least_squares": Entry(
                "D: (r - 1)^2/2 + f^2/2   G: (f - 1)^2/2", "Mao et al. 2017", supports=SMOOTHABLE
            ),
            "wasserstein": Entry("D: f - r   G: -f", "Arjovsky et al. 2017"),
            "hinge": Entry("D: relu(1 - r) + relu(1 + f)   G: -f", "Lim & Ye 2017"),
            "relativistic": Entry("D: sp(f - r)   G: sp(r - f)", JOLICOEUR),
            "relativistic_average": Entry(
                "D: [sp(mf - r) + sp(f - mr)]/2   G: [sp(r - mf) + sp(mr - f)]/2",
                JOLICOEUR,
                supports=AVERAGES,
            ),
            "relativistic_average_hinge": Entry(
                "D: [relu(1 - r + mf) + relu(1 + f - mr)]/2   "
                "G: [relu(1 + r - mf) + relu(1 - f + mr)]/2",
                JOLICOEUR,
                supports=AVERAGES,
            ),
            "relativistic_average_least_squares": Entry(
                "D: [(r - mf - 1)^2 + (f - mr + 1)^2]/2   G: [(r - mf + 1)^2 + (f - mr - 1)^2]/2",
                JOLICOEUR,
                supports=AVERAGES,
            ),
            "alpha_saturating": Entry(
                "D: l(r) + l(-f), alpha_d   G: -l(-f), alpha_g", WELFERT, ALPHAS, SMOOTHABLE
            ),
            "alpha_non_saturating": Entry(
                "D: l(r) + l(-f), alpha_d   G: l(f), alpha_g", WELFERT, ALPHAS, SMOOTHABLE
            ),
            "kl": Entry("D: -r + e^(f-1)   G: -e^(f-1)", NOWOZIN),
            "reverse_kl": Entry("D: e^-r + f - 1   G: 1 - f", NOWOZIN),
            "pearson": Entry("D: -r + f^2/4 + f   G: -f^2/4 - f", NOWOZIN),
            "squared_hellinger": Entry("D: e^-r + e^f - 2   G: 1 - e^f", NOWOZIN),
            "jensen_shannon": Entry(
                "D: sp(-r) + sp(f) - 2 log 2   G: log 2 - sp(f)", NOWOZIN, supports=SMOOTHABLE
            ),
        },
        "r, f: logits of real and of generated samples, mr and mf their means; sp: softplus;\n"
        "l(x) = -expm1(-c sp(-x))/c with c = (alpha - 1)/alpha, sp(-x) at alpha = 1;\n"
        "means over the batch; both players minimise",
    ),
    "penalties": Registry(
        "gan_jax.penalties",
        "PENALTIES",
        {
            "none": Entry("0", "-"),
            "r1": Entry("1/2 mean |grad D(x_real)|^2", MESCHEDER_2018),
            "r2": Entry("1/2 mean |grad D(x_fake)|^2", MESCHEDER_2018),
            "r1_r2": Entry("r1 + r2", MESCHEDER_2018),
            "gradient_penalty": Entry(
                "mean (|grad D(x)| - 1)^2, x between a real and a fake sample",
                "Gulrajani et al. 2017",
            ),
            "gradient_penalty_one_sided": Entry(
                "mean relu(|grad D(x)| - 1)^2, x between a real and a fake sample",
                "Petzka et al. 2018",
            ),
            "dragan": Entry(
                "mean (|grad D(x)| - 1)^2, x = x_real + 1/2 std(x_real) U", "Kodali et al. 2017"
            ),
        },
        "added to the discriminator's loss, times penalty_weight; D is the logit, norms are each\n"
        "sample's, U uniform on [0, 1]",
    ),
    "data": Registry(
        "gan_jax.data",
        "DATASETS",
        {
            "parabola": Entry(
                "(x, x^2), x uniform on [-1/2, 1/2)", BROWNLEE, supports=SCALABLE, shape=(2,)
            ),
            "quadratic": Entry(
                "(x, 2 x^2 + x - 1), x uniform on [-1, 1)", BROWNLEE, supports=SCALABLE, shape=(2,)
            ),
            "sine": Entry(
                "(x, sin(2 pi x)), x uniform on [-1/2, 1/2)",
                BROWNLEE,
                supports=SCALABLE,
                shape=(2,),
            ),
            "gaussian_bump": Entry(
                "(x, e^(-8 x^2)), x uniform on [-1, 1)", BROWNLEE, supports=SCALABLE, shape=(2,)
            ),
            "polynomial": Entry(
                "(x, 16 x^5 - 20 x^3 + 5 x), x uniform on [-1, 1)",
                BROWNLEE,
                supports=SCALABLE,
                shape=(2,),
            ),
            "ring": Entry(
                "8 Gaussians on the unit circle, deviation 0.01", LIN, supports=SCALABLE, shape=(2,)
            ),
            "grid": Entry(
                "25 Gaussians on {-4, -2, 0, 2, 4}^2, deviation 0.05",
                LIN,
                supports=SCALABLE,
                shape=(2,),
            ),
            "spiral": Entry(
                "20 Gaussians on an Archimedean spiral, deviation 0.02: r = sqrt(k/20), "
                "angle 4 pi r",
                "-",
                supports=SCALABLE,
                shape=(2,),
            ),
            "mixture_1d": Entry(
                "5 Gaussians at -4, -2, 0, 2, 4, deviation 0.05", "-", supports=SCALABLE, shape=(1,)
            ),
            "mixture_3d": Entry(
                "8 Gaussians at a cube's corners {-1, 1}^3, deviation 0.05",
                "-",
                supports=SCALABLE,
                shape=(3,),
            ),
            "mixture_high": Entry(
                "10 Gaussians in 32 dimensions, at right angles and 8 apart, deviation 0.2",
                "-",
                supports=SCALABLE,
                shape=(32,),
            ),
            "swiss_roll": Entry(
                "t (cos t, sin t)/7.5, t uniform on [1.5 pi, 4.5 pi), noise of deviation 0.25/7.5",
                "Gulrajani et al. 2017",
                supports=SCALABLE,
                shape=(2,),
            ),
            "dirac": Entry("the point 0, in one dimension", MESCHEDER_2018, shape=(1,)),
            "sine_waves": Entry(
                "a sin(2 pi f t/32 + phase), noise 0.05; f uniform on [1, 4), a on [0.5, 1)",
                "Esteban et al. 2017 (other ranges)",
                supports=SCALABLE,
                shape=(32,),
                kind="sequences",
            ),
            "ornstein_uhlenbeck": Entry(
                "x_(t+1) = 0.9 x_t + sqrt(1 - 0.81) e_t, stationary, 32 steps",
                "Uhlenbeck & Ornstein 1930",
                shape=(32,),
                kind="sequences",
            ),
            "mnist": Entry(
                "handwritten digits, 28 x 28 grey, 60,000 and 10,000 held out",
                "LeCun, Cortes & Burges 1998",
                shape=(28, 28, 1),
                kind="images",
                rows=(60_000, 10_000),
            ),
            "fashion_mnist": Entry(
                "clothes, 28 x 28 grey, 60,000 and 10,000 held out",
                "Xiao et al. 2017",
                shape=(28, 28, 1),
                kind="images",
                rows=(60_000, 10_000),
            ),
            "stacked_mnist": Entry(
                "three digits of mnist as three channels: 1,000 modes",
                "Srivastava et al. 2017",
                shape=(28, 28, 3),
                kind="images",
            ),
        },
    ),
    "networks": Registry(
        "gan_jax.networks",
        "NETWORKS",
        {
            "dense": Entry(
                "multilayer perceptron",
                "He et al. 2015",
                supports=(
                    "packing",
                    "normalization",
                    "spectral_norm",
                    "output",
                    "initialization",
                    "dropout",
                    "maxout",
                ),
            ),
            "convolutional": Entry(
                "strided convolutions 4 x 4, each halving (G: doubling) an image's sides",
                "Radford et al. 2016",
                supports=(
                    "images",
                    "packing",
                    "normalization",
                    "spectral_norm",
                    "output",
                    "initialization",
                    "dropout",
                ),
            ),
            "gru": Entry(
                "gated recurrent units over a sequence",
                "Cho et al. 2014; Esteban et al. 2017",
                supports=RECURRENT,
            ),
            "lstm": Entry(
                "long short-term memory over a sequence",
                "Hochreiter & Schmidhuber 1997; Mogren 2016",
                supports=RECURRENT,
            ),
            "dirac": Entry("G(z) = theta, D(x) = psi . x, standard Gaussian", MESCHEDER_2018),
        },
    ),
    "activations": Registry(
        "gan_jax.networks",
        "ACTIVATIONS",
        {
            "relu": Entry("max(x, 0)", "Nair & Hinton 2010"),
            "leaky_relu": Entry("max(x, 0.2 x)", "Radford et al. 2016"),
            "tanh": Entry("tanh(x)", "LeCun et al. 1998"),
            "elu": Entry("x if x > 0 else e^x - 1", "Clevert et al. 2016"),
            "gelu": Entry("x Phi(x), tanh approximation", "Hendrycks & Gimpel 2016"),
            "silu": Entry("x sigmoid(x)", "Elfwing et al. 2018"),
            "maxout": Entry("the largest of 5 affine maps", "Goodfellow et al. 2013"),
        },
    ),
    "initializations": Registry(
        "gan_jax.networks",
        "INITIALIZATIONS",
        {
            "he_uniform": Entry("U(-l, l), l = sqrt(6 / n)", "He et al. 2015"),
            "orthogonal": Entry(
                "orthogonal rows or columns of length deviation, 1 unless given",
                "Saxe et al. 2014",
                supports=("deviation",),
            ),
            "normal": Entry(
                "N(0, deviation^2), 0.02 unless given",
                "Radford et al. 2016",
                supports=("deviation",),
            ),
        },
        "of kernels, n inputs each; biases start at zero",
    ),
    "normalizations": Registry(
        "gan_jax.networks",
        "NORMALIZATIONS",
        {
            "none": Entry("as it is", "-"),
            "batch": Entry(
                "over the batch, each feature; running statistics",
                "Ioffe & Szegedy 2015",
                supports=STATISTICS,
            ),
            "batch_before_output": Entry(
                "batch, once: of what the last layer is given",
                "Ioffe & Szegedy 2015",
                supports=STATISTICS,
            ),
            "layer": Entry("over the features, each sample", "Ba et al. 2016"),
        },
    ),
    "updates": Registry(
        "gan_jax.game.updates",
        "UPDATES",
        {
            "alternating": Entry(
                "k discriminator updates, then one generator update against the new discriminator",
                GOODFELLOW_2014,
            ),
            "simultaneous": Entry(
                "the last discriminator update and the generator's, from gradients at one point",
                GOODFELLOW_2016,
            ),
            "phased": Entry(
                "phase_steps updates of the discriminator alone, as many of the generator alone",
                "Google Developers (GAN course)",
            ),
            "unrolled": Entry(
                "the generator descends its loss after unrolled_steps steps of the discriminator",
                "Metz et al. 2017",
            ),
            "extragradient": Entry(
                "an update from here, with the gradients of where a first one would lead",
                "Korpelevich 1976; Gidel et al. 2019",
            ),
            "optimistic": Entry(
                "twice this update minus the last one, u(t) -> 2 u(t) - u(t-1)", DASKALAKIS
            ),
            "consensus": Entry(
                "simultaneous, with consensus_weight/2 |v|^2 added to both losses", MESCHEDER_2017
            ),
        },
        "k: discriminator_steps; v: both players' gradients",
    ),
    "optimizers": Registry(
        "gan_jax.game.optimizers",
        "OPTIMIZERS",
        {
            "sgd": Entry("plain gradient descent", "Robbins & Monro 1951"),
            "momentum": Entry("heavy ball, m = beta1 m + g", "Polyak 1964"),
            "adam": Entry("Adam with beta1, beta2; epsilon 1e-8", "Kingma & Ba 2015"),
            "rmsprop": Entry(
                "g / (sqrt(v) + 1e-8), v = beta2 v + (1 - beta2) g^2", "Hinton et al. 2012"
            ),
            "adabelief": Entry("Adam on the variance of g about its mean", "Zhuang et al. 2020"),
            "optimistic_sgd": Entry("sgd, then u(t) -> 2 u(t) - u(t-1)", DASKALAKIS),
            "optimistic_adam": Entry("adam, then u(t) -> 2 u(t) - u(t-1)", DASKALAKIS),
        },
        "g: gradient, u: update; each player has a state of its own",
    ),
    "schedules": Registry(
        "gan_jax.game.optimizers",
        "SCHEDULES",
        {
            "constant": Entry("1", "-"),
            "linear": Entry("1 - p", "Goodfellow et al. 2016 (Deep Learning)"),
            "cosine": Entry("(1 + cos(pi p))/2", "Loshchilov & Hutter 2017"),
            "warmup": Entry("min(20 p, 1)", "Goyal et al. 2017"),
        },
        "factors of both learning rates; p: share of all steps taken, from 0 to 1",
    ),
}


MANY = 20


def nearest(name: str, choices: Iterable[str]) -> str:
    """Say which choices there are and which resembles `name`: the tail of an error message.

    Of very many choices only the one that is near, where one is.
    """
    choices = list(choices)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    if close and len(choices) > MANY:
        return f"did you mean '{close[0]}'?"
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"choices: {', '.join(choices)}{hint}"
