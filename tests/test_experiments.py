"""Every experiment script runs a few steps, and says what its docstring promises."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import gan_jax

TINY_FIELDS = {"steps": 100, "log_every": 5, "batch_size": 16, "evaluation_samples": 32}
SCRIPTS = Path(__file__).parents[1] / "experiments"


def load(name):
    spec = importlib.util.spec_from_file_location(f"experiments_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its functions are found by name
    spec.loader.exec_module(module)
    return module


def test_every_script_is_in_the_index_with_its_command():
    index = (SCRIPTS / "README.md").read_text()
    scripts = sorted(path.name for path in SCRIPTS.glob("*.py"))
    assert len(scripts) >= 4
    for name in scripts:
        assert f"| `{name}` |" in index and f"`python experiments/{name}`" in index
        docstring = (SCRIPTS / name).read_text().split('"""')[1]
        for part in ("Command:", "on 2 cores", "Expect"):
            assert part in docstring, (name, part)


def test_dirac_gan_prints_theory_beside_training(here, capsys, monkeypatch):
    module = load("dirac_gan")
    names = ("simultaneous", "R1, weight 1/2", "alternating")
    monkeypatch.setattr(module, "VARIANTS", {name: module.VARIANTS[name] for name in names})
    module.main("out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[1:6] == ["0.000", "±", "0.500i", "out", "out"]
    assert lines[2].split()[3:8] == ["-0.250", "±", "0.433i", "in", "in"]
    assert lines[3].split()[4:6] == ["stays", "stays"]
    assert (here / "out/dirac_gan.png").read_bytes().startswith(b"\x89PNG")


def test_loss_saturation_measures_every_loss(here, capsys, monkeypatch):
    module = load("loss_saturation")
    kept = ("saturating", "non_saturating", "wasserstein")
    few = {name: module.gan_jax.LOSSES[name] for name in kept}
    monkeypatch.setattr(module.gan_jax, "LOSSES", few)
    monkeypatch.setattr(module, "PROGRAMS", {name: module.PROGRAMS[name] for name in kept})
    module.main("out", seeds=2, steps=200)
    lines = capsys.readouterr().out.splitlines()
    # The saturating gradient vanishes with the probability of passing.
    probability, ratio = map(float, lines[6].split())
    assert probability < 0.3 and ratio == pytest.approx(probability, rel=1)
    assert (here / "out/loss_saturation.png").stat().st_size > 10_000


def test_game_spectra_runs_and_draws(here, capsys, monkeypatch):
    module = load("game_spectra")
    monkeypatch.setattr(module, "WIDTHS", (4,))
    monkeypatch.setattr(module, "VARIANTS", {"consensus": module.VARIANTS["consensus"]})
    module.main(Path("out"), steps=30, seeds=1, field_batch=4)
    printed = capsys.readouterr().out
    assert "consensus" in printed and "growing" in printed and "30: " in printed
    assert (here / "out/figures/eigenvalues.png").exists()


def test_the_discriminator_alone_meets_uniform_points(here, capsys):
    module = load("parabola_discriminator")
    try:
        module.main(Path("out"), seeds=2, steps=20)
    finally:
        del gan_jax.NETWORKS["uniform_square"]  # which it registered
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].startswith("fake from 0.8 on") and len(lines) == 2 + 11 + 4
    results = gan_jax.load_results("out")
    # The generator is frozen, and uniform: half of its points lie left of 0.
    assert not results["generator_gradient_norm"].isel(step=-1).any()
    x = results["samples"].values
    assert abs(x).max() <= 1 and abs((x < 0).mean() - 0.5) < 0.05
    assert (here / "out/figures/accuracies.png").exists()


def test_parabola_gan_prints_the_published_beside_ours(here, capsys):
    load("parabola_gan").main(Path("out"), seeds=3, steps=2_000)
    printed = capsys.readouterr().out
    assert "  2000  fake       1.00" in printed and "converged:" in printed
    assert (here / "out/figures/accuracies.png").exists()


def few(module, *names):
    return {name: module.VARIANTS[name] for name in names}


def test_architectures_are_compared_seed_by_seed(here, capsys, monkeypatch):
    module = load("parabola_architectures")
    monkeypatch.setattr(module, "VARIANTS", few(module, "published", "scaled_tanh_output"))
    module.main(Path("out"), steps=40, seeds=2)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("scaled_tanh_output") and "seeds gained" in line


def test_target_functions_measure_each_curve(here, capsys, monkeypatch):
    module = load("target_functions")
    monkeypatch.setattr(module, "CURVES", ("sine",))
    module.main(Path("out"), steps=40, seeds=2)
    assert capsys.readouterr().out.splitlines()[2].startswith("sine")
    assert (here / "out/sine.png").exists()


def test_phases_are_compared_at_equal_numbers_of_updates(here, capsys, monkeypatch):
    module = load("phased_training")
    monkeypatch.setattr(module, "PHASES", (5,))
    module.main(Path("out"), updates=40, seeds=2)
    printed = capsys.readouterr().out
    assert "phases_of_5" in printed and "against alternating: p = 1" in printed
    steps = [gan_jax.load_results(f"out/{name}").step[-1] for name in ("alternating", "phased")]
    assert [int(step) for step in steps] == [40, 80]


def test_sequences_are_measured_in_their_own_terms(here, capsys, monkeypatch):
    module = load("sequences")
    monkeypatch.setattr(module, "VARIANTS", few(module, "gru"))
    module.main(Path("out"), steps=10, seeds=2)
    assert "frequency_distance  gru" in capsys.readouterr().out


def test_interpolation_draws_both_kinds_of_path(here, capsys, monkeypatch):
    module = load("interpolation")
    small = gan_jax.preset("parabola", steps=20, log_every=2, evaluation_samples=32)
    monkeypatch.setattr(module.gan_jax, "preset", lambda name, **_: small, raising=False)
    module.main(folder=Path("out"))
    printed = capsys.readouterr().out
    assert "spherical  norm half-way" in printed and "linear" in printed
    assert (here / "out/spherical.png").exists() and (here / "out/linear.png").exists()


@pytest.mark.parametrize("name", ["mnist_dense", "mnist_convolutional"])
def test_digits_are_drawn_and_measured(here, capsys, monkeypatch, digits, name):
    monkeypatch.syspath_prepend(SCRIPTS)
    module = load(name)
    small = {"evaluation_samples": 64, "batch_size": 16, "log_every": 1}
    preset = gan_jax.preset
    monkeypatch.setattr(module.gan_jax, "preset", lambda *a, **k: preset(*a, **k | small))
    module.main(folder=Path("out"), steps=4)
    printed = capsys.readouterr().out
    for words in ("generator's loss", "value function", "frechet distance", "coverage"):
        assert words in printed
    for file in ("checks.png", "animation.gif", "loss_curves.png"):
        assert (here / "out/figures" / file).stat().st_size > 5_000
    assert list((here / "out/generators").glob("*/*.safetensors"))


def test_other_data_are_measured_by_what_is_known_of_them(here, capsys, monkeypatch):
    module = load("other_data")
    monkeypatch.setattr(module, "DATA", ("mixture_3d",))
    module.main(Path("out"), steps=20, seeds=2)
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("mixture_3d") and line.count("[") == 4
    assert (here / "out/mixture_3d.png").exists()


def test_seed_stability_says_what_fewer_seeds_show(here, capsys, monkeypatch):
    module = load("seed_stability")
    document = module.read_yaml(module.FILE) | {"seeds": 12, "base": TINY_FIELDS}
    monkeypatch.setattr(module, "read_yaml", lambda _: document)
    module.main(Path("out"))
    printed = capsys.readouterr().out
    assert "of 12 seeds" in printed and "R-hat of" in printed and "\n   10: " in printed
    assert (here / "out/figures/seed_stability.png").stat().st_size > 10_000
    # Of four seeds two of which succeed, any two show anything; all four show the rate itself.
    assert module.usual_rates(2, 4, 2) == (0.0, 1.0) and module.usual_rates(2, 4, 4) == (0.5, 0.5)


def test_compare_losses_counts_how_often_few_seeds_mislead(here, capsys):
    module = load("compare_losses")
    two = {"best": np.array([1, 1, 1, 0], bool), "worst": np.array([0, 0, 0, 1], bool)}
    # One seed names the better of two in three of four choices, two in half, ties by lot the rest.
    chances = module.wrong_of_all(two)
    assert chances[1] == pytest.approx(1 / 4, abs=0.01)
    assert chances[2] == pytest.approx(1 / 4, abs=0.01)
    assert chances[3] == 0
    module.main(Path("out"), ("saturating", "non_saturating", "hinge"), steps=30, seeds=6)
    printed = capsys.readouterr().out
    assert "of all 3 losses, another than the best wins" in printed
    assert "saturating against non_saturating: of all choices of so many seeds" in printed
    assert (here / "out/figures/misled.png").stat().st_size > 10_000


def test_cost_growth_measures_every_curve_and_draws_it(here, monkeypatch):
    module = load("cost_growth")
    real, studies = module.prepared, []

    def prepared(changes, seeds, _):
        # One is measured; of the others, which differ in fields alone, only what is asked for.
        gan_jax.Experiment(**changes)
        return real(changes, seeds, 100) if seeds == 2 else lambda: float(seeds)

    monkeypatch.setattr(module, "prepared", prepared)
    monkeypatch.setattr(module, "AIM", 1e-3)
    monkeypatch.setattr(module, "SEEDS", (2, 4))
    monkeypatch.setattr(module.gan_jax, "use_all_cores", lambda: None)
    monkeypatch.setattr(module.gan_jax, "run_study", lambda study, _: studies.append(study))
    module.main(here / "out", repeats=2)
    document = json.loads((here / "out" / "cost_growth.json").read_text())
    assert document["seeds"]["size"] == [2, 4] and document["leaves"]["size"][:2] == [8, 9]
    low, cost, high = (document["seeds"][name][0] for name in ("low", "cost", "high"))
    assert 0 < low <= cost <= high
    assert [len(study.variants) for study in studies] == [*module.VARIANTS] * 2
    assert (here / "out" / "cost_growth.png").read_bytes().startswith(b"\x89PNG")
