"""The benchmark: its protocol, its parts, tables and figure."""

import contextlib
import itertools
import json
import time

import jax
import numpy as np
import pytest
from contestants import rounds, sweep, tables
from contestants.protocol import Asked, ContestantError
from contestants.targets import targets
from test_experiments import load

import gan_jax
from gan_jax.fields import ConfigError

FAKE = """
import sys, time
from contestants.protocol import serve

class Fake:
    def __init__(self, work, seeds, rows, options):
        print("a library's greeting")
        if options.get("refuses"):
            raise ValueError("not today\\nsecond line")
        self.dies = options.get("dies", False)
        self.pause = options.get("pause", 1e-3)
        self.versions, self.note, self.ran = {"fake": "1"}, f"pause {self.pause}", 0
    def run(self, steps):
        self.ran += 1
        if self.dies and self.ran > 3:
            print("out of luck", file=sys.stderr)
            sys.exit(3)
        time.sleep(steps * self.pause)
        return {"discriminator_loss": 1.0}

serve(Fake)
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    (tmp_path / "fake_contestant.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(rounds, "SETTLE", 0.0)

    def entry(*choices):
        return rounds.Entry("fake_contestant", 4, 10, choices or ({},))

    return entry


def test_contestants_run_in_turn_and_failures_are_told(fake):
    entries = {
        "two choices": fake({"pause": 4e-3}, {"pause": 1e-3}),
        "refuses": fake({"refuses": True}),
        "dies": fake({"dies": True}),
    }
    said = []
    measured = rounds.measure("parabola", entries, 3, 0.05, say=said.append)
    assert list(measured["entries"]) == ["two choices"]
    report = measured["entries"]["two choices"]
    assert report["note"] == "pause 0.001" and report["versions"] == {"fake": "1"}
    # A pause lasts as long as asked for or longer, on a busy machine much longer.
    assert report["steps"] % 10 == 0 and 10 <= report["steps"] <= 50
    rates = rounds.rates(report)
    assert len(rates) == 3 and all(100 < rate < 4_000 for rate in rates)
    assert report["peak_bytes"] > 2**20
    assert measured["skipped"]["refuses"] == "fake_contestant: ValueError: not today"
    assert "exit code 3: out of luck" in measured["skipped"]["dies"]
    assert any("left out" in line for line in said)


@pytest.mark.parametrize("slow", [0.0, 0.5])
def test_a_contestant_that_takes_too_long_is_ended(fake, monkeypatch, slow):
    one = Asked("fake_contestant")
    kill = one._process.kill

    def kill_and_dawdle():
        kill()
        time.sleep(slow)  # the end of the process is seen before this thread's is

    monkeypatch.setattr(one._process, "kill", kill_and_dawdle)
    told = {"work": "parabola", "seeds": 1, "rows": None, "options": {"pause": 1.0}}
    with contextlib.closing(one):
        one.ask({"prepare": told})
        with pytest.raises(ContestantError, match=r"no answer in 0\.2 s"):
            one.ask({"run": 100}, limit=0.2)


def report(seconds, steps=100, seeds=2):
    return {
        "versions": {"lib": "1.0"},
        "note": "as is",
        "prepare_seconds": 1.25,
        "seeds": seeds,
        "steps": steps,
        "seconds": seconds,
        "peak_bytes": 3 * 2**20,
    }


def small_document():
    about = {
        "date": "2026-01-02",
        "machine": {"cpu": "A|B", "cores": 2, "python": "3.11"},
        "quick": False,
    }
    entries = {
        rounds.GAN_JAX: report([1.0, 2.0, 4.0]),
        rounds.KERAS: report([200.0, 300.0, 400.0], seeds=1),
        rounds.CEILING: report([1.0, 1.0, 1.0], steps=5, seeds=1),
    }
    work = {"operations": 10**9, "entries": entries, "skipped": {"hand-written C": "no cc"}}
    device = {"device": "chip", "precision": "float32", "jax": "0"}
    rates = {"operations_per_second": 1e12, "bytes_per_second": 1e9}
    line = {"work": "ring", "way": "vmap", "seeds": 16, "operations": 10, "bytes": 20}
    lines = [
        line | {"seed_steps_per_second": 50.0, "share_of_floor": 0.5},
        line | {"skipped": "out of memory"},
    ]
    fields = ("cold_compile", "cold_first_step", "warm_compile", "warm_first_step")
    preset = {f"{field}_seconds": 2.0 for field in fields}
    parts = {
        "parabola": work,
        "starts": {"presets": {"ring": preset, "mnist": {"skipped": "no file"}}},
        "compare": {"flags": [], "cold_seconds": 50.0, "warm_seconds": 20.0},
        "memory": {
            "seeds": 8,
            "steps": 100,
            "seconds": 4.0,
            "peak_bytes": 2**30,
            "resident_bytes": [2**29] * 9 + [2**30],
        },
        "sweep": {"device": device | rates, "lines": lines},
    }
    return {"parts": {name: about | part for name, part in parts.items()}}


def test_ratios_are_taken_repeat_by_repeat():
    work = small_document()["parts"]["parabola"]
    # 200, 100, 50 seed-steps a second against 1/2, 1/3, 1/4.
    assert rounds.ratios(work, rounds.GAN_JAX, rounds.KERAS) == pytest.approx([400, 300, 200])
    assert tables.spread([400, 300, 200], "x") == "300x (200 to 400)"
    # The product: 5 of 2 x 2048^3 operations in a second, against 1e9 a seed-step.
    share = 200e9 / (5 * 2 * 2048**3)
    assert rounds.ceiling_shares(work, rounds.GAN_JAX)[0] == pytest.approx(share)


def test_targets_are_told_whether_met_or_not():
    found = {one.what: one for one in targets(small_document()["parts"])}
    assert set(found) == {
        "parabola: gan_jax against Keras",
        "slowest preset's first compile",
        "slowest preset's first step, second process",
        "gan-jax compare, cold",
        "peak memory of the long run",
        "memory at its end against its third tenth",
    }
    met = {what for what, one in found.items() if one.met}
    assert set(found) - met == {
        "parabola: gan_jax against Keras",  # 300, hoped for 700
        "gan-jax compare, cold",
        "memory at its end against its third tenth",
    }


def test_tables_and_figure_are_written_again_from_the_record(here, capsys):
    folder = here / "out"
    folder.mkdir()
    (folder / "benchmark.json").write_text(json.dumps(small_document()))
    benchmark = load("benchmark")
    benchmark.main(folder, table=True)
    page = (folder / "benchmark.md").read_text()
    assert "| Keras | 1 | 0.333 (0.25 to 0.5) | 300x (200 to 400) | 0.4 % (0.3 to 0.6) |" in page
    assert "| 85.9 (85.9 to 85.9) Gflop/s |" in page  # 5 of 2 x 2048^3 in a second
    assert "Left out: hand-written C: no cc." in page
    assert "2026-01-02, A|B, 2 cores" in page and "not to be quoted" not in page
    assert "| ring | vmap | 16 | 50 | 10 | 20 | 50 % |" in page and "| out of memory |" in page
    assert "gan-jax compare`: 50.0 s" in page
    assert (folder / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    assert "at least 700x" in capsys.readouterr().out
    # No two labels, and no label and the frame, run over one another.
    figure = benchmark.rates_figure(small_document()["parts"])
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [text.get_window_extent() for text in axis.texts]
    assert not boxes[0].overlaps(boxes[1])
    assert all(box.x1 < figure.bbox.x1 for box in boxes)


def test_parts_join_what_the_folder_has(here, monkeypatch, capsys):
    benchmark = load("benchmark")
    monkeypatch.setattr(benchmark, "DIGITS", (2, 28, 28, 1))
    monkeypatch.setenv("GAN_JAX_DATA", str(here))  # where no digits are
    compare = {"flags": [], "cold_seconds": 1.0, "warm_seconds": 0.5}
    monkeypatch.setitem(benchmark.PARTS, "compare", lambda name, run: compare)

    def refused(name, run):
        assert np.load(run.rows).shape == (2, 28, 28, 1) and "random bytes" in run.data
        raise ContestantError("no memory here")

    monkeypatch.setitem(benchmark.PARTS, "memory", refused)
    benchmark.main(here / "out", ("compare", "memory"))
    assert "left out: no memory here" in capsys.readouterr().out
    benchmark.main(here / "out", ("compare",), quick=True)
    parts = json.loads((here / "out/benchmark.json").read_text())["parts"]
    assert list(parts) == ["compare"] and parts["compare"]["quick"]
    assert "not to be quoted" in (here / "out/benchmark.md").read_text()


def test_mistakes_are_one_line(here):
    benchmark = load("benchmark")
    with pytest.raises(ConfigError, match="parts: 'parabole' given, expected some of parabola"):
        benchmark.main(here, ("parabole",))
    with pytest.raises(ConfigError, match="repeats: 0 given"):
        benchmark.main(here, ("ring",), repeats=0)
    with pytest.raises(ConfigError, match=r"holds benchmark\.json"):
        benchmark.main(here, table=True)


def test_a_first_step_and_a_long_run_are_watched(here, monkeypatch):
    from contestants import first_step, memory

    monkeypatch.setattr("gan_jax.analysis.quality.evaluation", lambda _: None)  # slow to compile
    preset = gan_jax.preset
    monkeypatch.setattr(gan_jax, "preset", lambda _, **f: preset("dirac", **f), raising=False)
    step = first_step.first_step("dirac", None)
    assert step["compile_seconds"] > 0 and step["at"] > 0
    run = memory.watched_run(8, 40)
    assert len(run["resident_bytes"]) == 10
    assert run["peak_bytes"] >= max(run["resident_bytes"]) > 2**25


def test_every_way_to_train_many_seeds_leads_to_the_same_weights():
    experiment = gan_jax.preset("dirac", steps=100, optimizer="adam")
    ended = [sweep.runner(way, experiment, 3)(5) for way in ("vmap", "map")]
    looped = jax.tree.map(lambda *x: np.stack(x), *sweep.runner("loop", experiment, 3)(1))
    once = sweep.runner("vmap", experiment, 3)(1)
    for one, other in ((ended[0], ended[1]), (looped, once)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), one, other)
    assert ended[0].step.tolist() == [5, 5, 5]


def test_a_sweep_sets_every_size_against_its_floor(here, monkeypatch):
    monkeypatch.setattr(sweep, "QUICK", {"parabola": (2, 3)})
    monkeypatch.setattr(sweep, "WAYS", {"parabola": ("vmap",)})
    monkeypatch.setattr(sweep, "product_rate", lambda side, least: 1e9)
    dirac = gan_jax.preset("dirac", steps=10)  # as quick to compile as any
    monkeypatch.setattr(sweep, "experiment_of", lambda work, rows, precision: dirac)
    monkeypatch.setattr(sweep, "copy_rate", lambda numbers, least: 1e12)
    try:
        device, *lines = sweep.sweep("", "float32", quick=True)
    finally:
        jax.config.update("jax_default_matmul_precision", None)
    assert device["operations_per_second"] == 1e9
    assert [line["seeds"] for line in lines] == [2, 3]
    for line in lines:
        assert line["operations"] == 158_080
        assert line["share_of_floor"] == pytest.approx(
            line["seed_steps_per_second"] * 158_080 / 1e9
        )


def test_numbers_along_an_axis_do_not_meet():
    from contestants import drawing

    for rate in (3.0, 3e2, 3e4):  # of ranges of one, three and five decades
        work = small_document()["parts"]["parabola"]
        work["entries"][rounds.GAN_JAX] = report([1.0] * 3, steps=int(rate * 10), seeds=1)
        work["entries"][rounds.KERAS] = report([10.0] * 3, steps=10, seeds=1)
        figure = drawing.rates_figure({"parabola": work})
        assert figure is not None
        figure.draw_without_rendering()
        (axis,) = figure.axes
        labels = [text for text in axis.get_xticklabels() if text.get_text()]
        low, high = axis.get_window_extent().intervalx
        boxes = [text.get_window_extent() for text in labels]
        seen = [box for box in boxes if low <= (box.x0 + box.x1) / 2 <= high]
        assert len(seen) >= 2
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(seen))
