"""Rows of one CPU device each: side by side, one compilation, and what one of them fails of."""

import contextlib
import gc
import os
import subprocess
import sys
import threading
import types
import weakref

import chex
import jax
import numpy as np
import pytest
from faults.studies import wait_until
from setups import BLOBS

import gan_jax
from gan_jax.game.program import make_program
from gan_jax.training.chunks import Chunk
from gan_jax.training.loop import Evaluation
from gan_jax.training.rows import CpuRow, Row, device_rows
from gan_jax.training.seeds import train_seeds

SHORT = {"steps": 25, "log_every": 5, "batch_size": 20}
DEVICES = jax.devices()


def test_chunks_on_a_cpu_train_side_by_side():
    # A measure that waits until as many chunks as there are devices are at theirs: if one trained
    # after the other, they would wait in vain.
    barrier = threading.Barrier(3)

    def meet(step):
        barrier.wait(timeout=60)
        return step

    def measure(parts, inputs, state):
        step = state.step.astype(np.float32)
        return {"met": jax.pure_callback(meet, step, step, vmap_method="sequential")}

    experiment, evaluation = gan_jax.Experiment(**SHORT), Evaluation(measure)
    run = train_seeds(experiment, 3, lanes=1, evaluation=evaluation, devices=DEVICES[1:4])
    np.testing.assert_array_equal(run.history["met"], [run.steps] * 3)


@pytest.fixture
def compiled():
    """(program, thread) of what is compiled."""
    seen = []

    def heard(event, _, fun_name="", **others):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append((fun_name, threading.current_thread()))

    jax.monitoring.register_event_duration_secs_listener(heard)
    yield seen
    jax.monitoring.unregister_event_duration_listener(heard)


def test_a_program_is_compiled_once_for_all_cores_of_a_cpu(compiled):
    places = set()

    def look(segment):
        places.update(x.device for x in jax.tree.leaves(segment.lane_states))

    experiment = gan_jax.Experiment(**SHORT | {"batch_size": 24})
    train_seeds(experiment, 8, lanes=2, on_segment=look)
    assert [name for name, _ in compiled if "train_lanes" in name] == ["jit(train_lanes)"]
    assert places == {DEVICES[0]}


def test_the_first_weights_are_compiled_beside_the_tracing_of_the_steps(compiled):
    train_seeds(gan_jax.Experiment(**SHORT | {"generator_hidden": (6,)}), 2, lanes=2)
    threads = {name: thread for name, thread in compiled if "lane" in name}
    here = threading.current_thread()
    assert threads["jit(train_lanes)"] is here and threads["jit(init_lanes)"] is not here


PARTS = '"outer_dimension_partitions":["'


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_several_lanes_keep_to_a_core_and_of_one_all_cores_take_parts(lanes):
    jitted, x = jax.jit(lambda x: jax.numpy.sin(x) * x), jax.numpy.zeros((64, 4096))
    for row in device_rows(devices=DEVICES[:3], lanes=lanes):
        assert (PARTS in row.program(jitted, (), (x,)).as_text()) == (lanes == 1)


def trained_chunk(experiment, lanes, keeps_to_core):
    """A chunk's final lanes and history, and whether anything in its program is in parts."""
    program, seeds = make_program(experiment), np.arange(lanes)
    row, steps = CpuRow(DEVICES, 0, keeps_to_core), experiment.total_steps
    chunk = Chunk(program, Evaluation(), program.leaves, seeds, lanes, row, steps, 5)
    chunk.begin()
    while chunk.advance():
        pass
    return chunk.result(), PARTS in chunk._train.as_text()


@pytest.mark.bits
@pytest.mark.skipif(
    "emitters=false" in os.environ.get("XLA_FLAGS", ""),
    reason="XLA's older emitters, used where tests are compiled quickly, add up parts otherwise",
)
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(
    "fields",
    [
        {"generator_hidden": (64,), "generator_normalization": "batch", "penalty": "r1"},
        {"data": "blobs", "generator": "convolutional", "discriminator": "convolutional"},
        {"data": "sine_waves", "generator": "gru", "discriminator": "gru"},
    ],
    ids=["dense", "convolutional", "gru"],
)
def test_in_parts_and_in_one_a_step_gives_the_same_bits(fields, lanes, registered):
    registered(gan_jax.DATASETS, "blobs", BLOBS)
    experiment = gan_jax.Experiment(**SHORT | {"steps": 10, "batch_size": 512} | fields)
    one, whole = trained_chunk(experiment, lanes, keeps_to_core=True)
    other, parts = trained_chunk(experiment, lanes, keeps_to_core=False)
    assert parts and not whole
    chex.assert_trees_all_equal(one, other)


@pytest.mark.bits
def test_devices_with_memory_of_their_own_give_the_same_bits(monkeypatch):
    # As accelerators are: a program and arrays each, and the caller's thread for all.
    experiment, places = gan_jax.Experiment(**SHORT), set()

    def look(segment):
        places.update(x.device for x in jax.tree.leaves(segment.lane_states))

    shared = train_seeds(experiment, 5, lanes=1)
    monkeypatch.setattr(
        "gan_jax.training.seeds.device_rows", lambda *_: [Row([one]) for one in DEVICES[:3]]
    )
    run = train_seeds(experiment, 5, lanes=1, on_segment=look)
    assert places == {*DEVICES[:3]}
    chex.assert_trees_all_equal(run.states, shared.states)
    chex.assert_trees_all_equal(dict(run.history), dict(shared.history))


@pytest.fixture(params=["weights", "all"])
def failing(monkeypatch, request):
    """The first row fails of its weights, or of all; the second is held up until the test says."""
    submit, held = CpuRow.submit, threading.Event()

    def failing_submit(row, call):
        def fail():
            raise MemoryError("row 0")

        def hold_up():
            held.wait(timeout=60)
            return call()

        calls = {DEVICES[0]: fail, DEVICES[1]: hold_up}
        if request.param == "weights" and hasattr(row, "begun"):
            del calls[DEVICES[0]]
        row.begun = True
        return submit(row, calls.get(row.devices[0], call))

    monkeypatch.setattr(CpuRow, "submit", failing_submit)
    return held


def serving():
    """The threads of rows that there are now."""
    return {thread for thread in threading.enumerate() if "_serve" in thread.name}


def test_what_one_row_fails_of_is_told_once_all_others_are_waited_for(failing, monkeypatch):
    done, give_up = [], Chunk.give_up

    def noted(chunk):
        if not failing.is_set():
            threading.Timer(0.3, failing.set).start()
        ahead = chunk._ahead
        give_up(chunk)
        done.append(ahead.done())

    monkeypatch.setattr(Chunk, "give_up", noted)
    with pytest.raises(MemoryError, match="row 0"):
        train_seeds(gan_jax.Experiment(**SHORT), 3, lanes=1)
    assert done == [True] * 3


def test_a_training_that_failed_leaves_neither_arrays_nor_threads(failing):
    # Not even until Python looks for rings of objects that keep one another.
    def fail():
        with contextlib.suppress(MemoryError):
            train_seeds(gan_jax.Experiment(**SHORT), 3, lanes=1)

    def arrays():
        return sum(x.nbytes for x in jax.live_arrays())

    failing.set()
    fail()  # what is made once and kept, for the next
    gc.collect()
    gc.disable()
    try:
        threads, before = serving(), arrays()
        fail()
        wait_until(lambda: serving() <= threads and arrays() <= before, seconds=20)
    finally:
        gc.enable()


def test_a_row_keeps_no_result_and_its_thread_ends_with_it():
    class Result:
        pass

    before, row = serving(), CpuRow(DEVICES, 0)
    seen = weakref.ref(row.submit(Result).result())
    wait_until(lambda: seen() is None, seconds=20)
    (thread,) = serving() - before
    del row
    wait_until(lambda: not thread.is_alive(), seconds=20)


def test_a_search_for_nan_is_of_the_thread_that_asks_for_it():
    wild = gan_jax.Experiment(**SHORT, generator_learning_rate=1e30, optimizer="sgd")
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        train_seeds(wild, 2, lanes=1)


def test_training_outlives_the_main_thread():
    # Python ends the threads of its executors before it waits for those of a script.
    script = """
import threading, jax, gan_jax
jax.config.update("jax_num_cpu_devices", 2)
experiment = gan_jax.Experiment(steps=2, batch_size=4)
def train(): print(gan_jax.train_seeds(experiment, 2, lanes=1).states.step.tolist(), flush=True)
threading.Thread(target=train).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and done.stdout == "[2, 2]\n", done.stderr


def test_rows_of_very_many_cores_share_as_many_places_as_xla_keeps_busy():
    devices = [types.SimpleNamespace(process_index=0, platform="cpu", id=i) for i in range(40)]
    rows = device_rows(devices=devices)
    assert [row.devices[0].id for row in rows] == list(range(40))
    assert [row.place.id for row in rows] == [0] * 16 + [16] * 16 + [32] * 8
    gpus = [types.SimpleNamespace(process_index=0, platform="gpu", id=i) for i in range(2)]
    assert [type(row) for row in device_rows(devices=gpus)] == [Row, Row]
    assert [type(row) for row in device_rows(devices=[devices[0], gpus[0]])] == [Row, Row]
    with jax.disable_jit():
        assert [type(row) for row in device_rows(devices=devices[:2])] == [Row, Row]
