"""The table of what a game is made of: losses, penalties, update rules, optimisers."""

from gan_jax.catalogue.registry import Entry, Registry

GOODFELLOW_2014 = "Goodfellow et al. 2014"
GOODFELLOW_2016 = "Goodfellow 2016 (NIPS tutorial)"
NOWOZIN = "Nowozin et al. 2016"
JOLICOEUR = "Jolicoeur-Martineau 2019"
WELFERT = "Welfert et al. 2024"
MESCHEDER_2017, MESCHEDER_2018 = "Mescheder et al. 2017", "Mescheder et al. 2018"
DASKALAKIS = "Daskalakis et al. 2018"
SMOOTHABLE, AVERAGES = ("label_smoothing",), ("batch_average",)
ALPHAS = {"alpha_d": 1.0, "alpha_g": 1.0}

GAME: dict[str, Registry] = {
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
