"""The table of what is learned and by what: data, networks and what those are made of."""

from gan_jax.catalogue.registry import Entry, Registry

MESCHEDER_2017, MESCHEDER_2018 = "Mescheder et al. 2017", "Mescheder et al. 2018"
BROWNLEE, LIN = "Brownlee 2019", "Lin et al. 2018"
SCALABLE, WITHIN_ONE = ("scaling",), ("within_one",)
SCALABLE_WITHIN_ONE = (*SCALABLE, *WITHIN_ONE)
RECURRENT, STATISTICS = ("sequences", "packing", "output", "dropout"), ("batch_statistics",)

PARTS: dict[str, Registry] = {
    "data": Registry(
        "gan_jax.data",
        "DATASETS",
        {
            "parabola": Entry(
                "(x, x^2), x uniform on [-1/2, 1/2)",
                BROWNLEE,
                supports=SCALABLE_WITHIN_ONE,
                shape=(2,),
            ),
            "quadratic": Entry(
                "(x, 2 x^2 + x - 1), x uniform on [-1, 1)", BROWNLEE, supports=SCALABLE, shape=(2,)
            ),
            "sine": Entry(
                "(x, sin(2 pi x)), x uniform on [-1/2, 1/2)",
                BROWNLEE,
                supports=SCALABLE_WITHIN_ONE,
                shape=(2,),
            ),
            "gaussian_bump": Entry(
                "(x, e^(-8 x^2)), x uniform on [-1, 1)",
                BROWNLEE,
                supports=SCALABLE_WITHIN_ONE,
                shape=(2,),
            ),
            "polynomial": Entry(
                "(x, 16 x^5 - 20 x^3 + 5 x), x uniform on [-1, 1)",
                BROWNLEE,
                supports=SCALABLE_WITHIN_ONE,
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
                supports=WITHIN_ONE,
                shape=(28, 28, 1),
                kind="images",
                rows=(60_000, 10_000),
            ),
            "fashion_mnist": Entry(
                "clothes, 28 x 28 grey, 60,000 and 10,000 held out",
                "Xiao et al. 2017",
                supports=WITHIN_ONE,
                shape=(28, 28, 1),
                kind="images",
                rows=(60_000, 10_000),
            ),
            "stacked_mnist": Entry(
                "three digits of mnist as three channels: 1,000 modes",
                "Srivastava et al. 2017",
                supports=WITHIN_ONE,
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
                    "activation",
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
                    "halving",
                    "activation",
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
}
