"""What is traced, and how often: programs are made once, whatever is only a number."""

import contextlib
import gc

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn
from jax.extend import core
from meshes import compiled_training

import gan_jax
from gan_jax.data import DATASETS
from gan_jax.losses import LOSSES, GanLoss
from gan_jax.networks.recurrent import unrolled
from gan_jax.training.loop import Evaluation
from gan_jax.training.seeds import train_seeds

SHORT = {"steps": 25, "log_every": 5, "batch_size": 20}
DEVICES = jax.devices()


def count_traces(registered):
    """Register the loss "counted"; return a list that grows whenever its generator is traced."""
    traces = []
    plain = LOSSES["non_saturating"]

    def generator(logits_real, logits_fake):
        traces.append(1)
        return plain.generator(logits_real, logits_fake)

    registered(LOSSES, "counted", GanLoss(plain.discriminator, generator))
    return traces


def test_a_program_is_traced_once_whatever_the_seeds_chunks_devices_leaves_and_steps(registered):
    traces = count_traces(registered)
    experiment = gan_jax.Experiment(**SHORT, loss="counted")
    train_seeds(experiment, 2, lanes=2, devices=DEVICES[:1])
    once = len(traces)
    assert once > 0
    for changes, seeds, devices in (
        ({}, 9, DEVICES),
        (
            {"generator_learning_rate": 0.1, "discriminator_learning_rate": 0.2, "beta1": 0.0},
            4,
            DEVICES[:2],
        ),
        ({"steps": 61, "log_every": 7}, [8, 3], DEVICES[:1]),
    ):
        train_seeds(experiment.replace(**changes), seeds, lanes=2, devices=devices)
        assert len(traces) == once
    train_seeds(experiment.replace(batch_size=22), 2, lanes=2)
    assert len(traces) > once  # another static field is another program


def test_a_study_of_learning_rates_is_one_program(registered, tmp_path):
    traces = count_traces(registered)
    base = gan_jax.Experiment(**SHORT, loss="counted", evaluation_samples=32)
    seen = []
    for n in (1, 3):
        rates = {f"v{i}": {"generator_learning_rate": 10.0**-i} for i in range(n)}
        gan_jax.run_study(gan_jax.Study("rates", base, rates, 3), tmp_path / str(n))
        seen.append(len(traces))
    assert seen[0] == seen[1] > 0


def primitives(jaxpr):
    """The names of all operations of a jaxpr, and of those within them."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in core.jaxprs_in_params(equation.params):
            yield from primitives(inner)


@pytest.mark.parametrize(("updates", "loops"), [(1, 0), (2, 1)])
def test_one_discriminator_update_is_no_loop(updates, loops):
    experiment = gan_jax.Experiment(**SHORT, discriminator_steps=updates)
    gan, key = gan_jax.make_gan(experiment), gan_jax.seed_key(0)
    step = jax.make_jaxpr(gan.train_step)(gan.init(key), key)
    assert list(primitives(step.jaxpr)).count("scan") == loops


def test_a_recurrent_cell_is_traced_once_a_pass_and_once_more_for_its_first_weights():
    calls = []

    class Counted(nn.GRUCell):
        def __call__(self, carry, inputs):
            calls.append(1)
            return super().__call__(carry, inputs)

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            return unrolled(Counted(3), [jnp.zeros((len(x), 3))], x)

    x = jnp.ones((2, 5, 1))
    variables = Network().init(jax.random.key(0), x)
    assert len(calls) == 2
    jax.make_jaxpr(Network().apply)(variables, x)
    assert len(calls) == 3


def test_sines_are_fitted_once_for_all_measures_of_a_sequence():
    def measures(x):
        return {name: measure(x) for name, measure in DATASETS["sine_waves"].measures.items()}

    jaxpr = jax.make_jaxpr(jax.vmap(measures))(jnp.ones((3, 8, 32))).jaxpr
    fits = [one for one in jaxpr.eqns if one.params.get("name") == "fit_sines"]
    assert len(fits) == 4
    assert len({id(fit.params["jaxpr"]) for fit in fits}) == 1


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_search_for_cycles_is_paused_while_programs_are_traced_and_no_longer(on, fails):
    traced, trained = [], []

    def measure(parts, inputs, state):
        traced.append(gc.isenabled())
        if fails:
            raise ValueError("enough")
        return {}

    def look(segment):
        trained.append(gc.isenabled())

    (gc.enable if on else gc.disable)()
    try:
        with pytest.raises(ValueError, match="enough") if fails else contextlib.nullcontext():
            train_seeds(
                gan_jax.Experiment(steps=1), 1, evaluation=Evaluation(measure), on_segment=look
            )
        assert gc.isenabled() == on
        assert traced == [False]
        assert trained == ([] if fails else [on] * 2)
    finally:
        gc.enable()


def test_train_step_is_traced_once_for_all_learning_rates(registered):
    traces = count_traces(registered)
    key = gan_jax.seed_key(0)
    for rate in (1e-3, 1e-2):
        gan = gan_jax.make_gan(
            gan_jax.Experiment(**SHORT, loss="counted", generator_learning_rate=rate)
        )
        state = gan.init(key)
        for _ in range(3):
            state, _ = gan.train_step(state, key)
    assert len(traces) == 1


def test_a_steps_verdict_is_worked_out_once():
    # Fused into each of the kernels that need it, it would be most of the program.
    assert compiled_training(DEVICES[:1], lanes=2).count("is-finite(") == 1
