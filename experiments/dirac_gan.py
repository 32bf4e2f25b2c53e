"""Which updates and penalties make the Dirac-GAN converge, and does its linear theory foretell it?

One parameter a player (Mescheder et al. 2018), so the whole game is a picture: trajectories of the
real training step over the vector field, from one starting point, with the eigenvalues at the
equilibrium and the verdict they predict, beside what training did.

Command: `python experiments/dirac_gan.py`, half a minute on 2 cores; `--folder` moves the
figure. Expect: the unregularised simultaneous game spirals out, Wasserstein's faster; alternating
and phased stay at theirs; extragradient, optimistic, unrolled, consensus, R1, R2 and instance
noise spiral in. What linear theory at the equilibrium does not foretell: the non-saturating game,
whose flow contracts beyond first order, ends in a circle where that balances the steps' expansion;
so do the gradient penalties, whose fields vanish short of the equilibrium or jump there.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import gan_jax
from gan_jax.analysis import dynamics, game_field, stability
from gan_jax.commands.script import run_script
from gan_jax.reports.figures import save_figure
from gan_jax.reports.style import GREY, STYLE

STEPS, STEP_SIZE, START = 400, 0.2, (0.0, 1.0)
# By where training ended: nearer than half its start, further than twice, or between.
COLOURS = {"in": "#0072B2", "out": "#D55E00", "stays": "#000000"}
VARIANTS = {
    "simultaneous": {},
    "non-saturating, simultaneous": {"loss": "non_saturating"},
    "alternating": {"update": "alternating"},
    "phased, 5 steps each": {"update": "phased", "phase_steps": 5},
    "Wasserstein, simultaneous": {"loss": "wasserstein"},
    "extragradient": {"update": "extragradient"},
    "optimistic": {"update": "optimistic"},
    "unrolled, 5 steps": {"update": "unrolled"},
    "consensus, weight 1": {"update": "consensus", "consensus_weight": 1.0},
    "R1, weight 1/2": {"penalty": "r1", "penalty_weight": 0.5},
    "R2, weight 1/2": {"penalty": "r2", "penalty_weight": 0.5},
    "R1 and R2, weight 1/4": {"penalty": "r1_r2", "penalty_weight": 0.25},
    "instance noise 0.7": {"instance_noise": 0.7, "batch_size": 64},
    "WGAN, gradient penalty": {
        "loss": "wasserstein",
        "penalty": "gradient_penalty",
        "penalty_weight": 0.3,
    },
    "WGAN, one-sided penalty": {
        "loss": "wasserstein",
        "penalty": "gradient_penalty_one_sided",
        "penalty_weight": 0.3,
    },
    "DRAGAN, weight 0.3": {"penalty": "dragan", "penalty_weight": 0.3},
}


def at(experiment, theta, psi):
    """The state with these two parameters."""
    state = gan_jax.make_gan(experiment).init(gan_jax.seed_key(0))
    generator = state.generator._replace(parameters={"theta": jnp.full(1, theta)})
    discriminator = state.discriminator._replace(parameters={"psi": jnp.full(1, psi)})
    return state._replace(generator=generator, discriminator=discriminator)


def trajectory(experiment):
    """theta and psi [step, 2] of a training from START, by the package's own training step."""
    gan, key = gan_jax.make_gan(experiment), gan_jax.seed_key(0)

    @jax.jit
    def train(state):
        def step(state, _):
            state, _ = gan.train_step(state, key)
            return state, (
                state.generator.parameters["theta"],
                state.discriminator.parameters["psi"],
            )

        return jax.lax.scan(step, state, length=STEPS)[1]

    return np.concatenate([[START], np.concatenate(train(at(experiment, *START)), axis=1)])


def eigenvalues(experiment):
    """Those of the field at the equilibrium; instance noise as plus and minus sigma, which is
    exact."""
    batches = game_field.field_batches(experiment)
    if experiment.instance_noise is not None:
        signs = experiment.instance_noise * jnp.tile(jnp.array([[1.0], [-1.0]]), (32, 1))
        batches = tuple(b._replace(noise_real=signs, noise_fake=signs) for b in batches)
    states = jax.tree.map(lambda x: x[None], at(experiment, 0.0, 0.0))
    return dynamics.spectra(experiment, states, batches).eigenvalues[0]


def prediction(experiment, values):
    """What linear theory says of a small step, in a word."""
    if experiment.penalty in ("gradient_penalty", "dragan"):
        return "none, a jump"  # where the norm has no derivative, the equilibrium
    amplification = stability.AMPLIFICATIONS.get(experiment.update)
    if amplification is None:
        return "stays"  # alternating, phased: products of shears, determinant 1
    return "in" if amplification(STEP_SIZE * values).max() < 1 else "out"


def draw(axis, experiment, path, values, colour):
    """One variant: the field as arrows, the path over it."""
    limit = 2.4
    ticks = np.linspace(-limit, limit, 13)
    field = np.array([[_field(experiment, x, y) for x in ticks] for y in ticks])
    length = np.linalg.norm(field, axis=2, keepdims=True)
    field = field / np.maximum(length, 1e-9) ** 0.7  # so that weak arrows are seen beside strong
    axis.quiver(ticks, ticks, *np.moveaxis(field, 2, 0), color=GREY, alpha=0.9, width=0.004)
    axis.plot(*path.T, color=colour, linewidth=1.2)
    axis.plot(*path[-1], "o", color=colour, markersize=5)
    axis.plot(*START, "o", color="black", markersize=4)
    axis.plot(0, 0, "+", color="black")
    axis.set_xlim(-limit, limit)
    axis.set_ylim(-limit, limit)
    axis.set_aspect("equal")


def _field(experiment, theta, psi):
    program = gan_jax.game.program.make_program(experiment)
    state = at(experiment, float(theta), float(psi))
    here = gan_jax.game.parts.current_parameters(state)
    v = FIELD(program.parts, program.leaves, here, state, *game_field.field_batches(experiment))
    return float(v.generator["theta"][0]), float(v.discriminator["psi"][0])


FIELD = jax.jit(game_field.vector_field, static_argnums=0)


def main(folder: str = "results/dirac_gan") -> None:
    """Train every variant, print prediction and outcome, and draw the figure in `folder`."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12, 13.4), layout="constrained")
        axes = figure.subplots(4, 4, sharex=True, sharey=True)
    header = f"{'variant':29}{'eigenvalues':>22}  {'theory':19}{'training':10}{'distance':>8}"
    print(header)
    for place, (name, fields) in enumerate(VARIANTS.items()):
        experiment = gan_jax.preset(
            "dirac",
            generator_learning_rate=STEP_SIZE,
            discriminator_learning_rate=STEP_SIZE,
            **fields,
        )
        path, values = trajectory(experiment), eigenvalues(experiment)
        spectrum = f"{values[0].real:.3f} ± {abs(values[0].imag):.3f}i".replace("-0.000", "0.000")
        theory, end = prediction(experiment, values), np.linalg.norm(path[-1])
        outcome = "in" if end < 0.5 else "out" if end > 2 else "stays"
        print(f"{name:29}{spectrum:>22}  {theory:19}{outcome:10}{end:8.2g}")
        axis = axes.flat[place]
        draw(axis, experiment, path, values, COLOURS[outcome])
        axis.set_title(
            f"{name}\n{spectrum}; theory: {theory}\ntraining: {outcome}, distance {end:.2g}",
            fontsize=8.5,
        )
    for axis in axes[-1]:
        axis.set_xlabel("θ, the generator")
    for axis in axes[:, 0]:
        axis.set_ylabel("ψ, the discriminator")
    figure.suptitle(
        f"Dirac-GAN, {STEPS} steps of {STEP_SIZE} from the black dot, distance 1, to the last one: "
        "in (blue), out (orange), stays (black)",
        x=0.01,
        ha="left",
    )
    print(save_figure(figure, Path(folder) / "dirac_gan.png"))


if __name__ == "__main__":
    run_script(main)
