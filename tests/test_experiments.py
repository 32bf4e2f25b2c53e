"""Every experiment script runs a few steps, and says what its docstring promises."""

import importlib.util
import sys
from pathlib import Path

import pytest

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
    for name in set(module.gan_jax.LOSSES) - set(kept):
        monkeypatch.delitem(module.gan_jax.LOSSES, name)
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
