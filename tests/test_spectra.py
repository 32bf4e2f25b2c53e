"""Spectra of a study on disk: kept states, the command, its table and figure, hostile files."""

import chex
import jax
import numpy as np
import pytest
import xarray as xr

import gan_jax
from gan_jax.analysis import dynamics
from gan_jax.cli import main
from gan_jax.fields import ConfigError
from gan_jax.reports.spectra import eigenvalues_in_the_plane
from gan_jax.studies.cells import cells
from gan_jax.studies.spectra import study_spectra
from gan_jax.studies.states import moment_steps, read_states, states_path

BASE = gan_jax.preset("dirac", steps=40, log_every=1, penalty="r1", penalty_weight=0.5)
VARIANTS = {"r1": {}, "consensus": {"penalty": "none", "update": "consensus"}}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A finished study of Dirac-GANs and its spectra."""
    folder = tmp_path_factory.mktemp("kept") / "study"
    study = gan_jax.Study("kept", BASE, VARIANTS, seeds=[4, 2, 9], lanes=2)
    gan_jax.run_study(study, folder)
    return study, folder, study_spectra(folder)


def test_moments_are_ends_of_segments_evenly_spaced():
    ten = gan_jax.Experiment(steps=1000, log_every=10)  # segments of 100 steps
    assert moment_steps(ten, 3) == [0, 500, 1000]
    assert moment_steps(ten, 4) == [0, 300, 700, 1000]
    assert moment_steps(ten, 1) == [1000] and moment_steps(ten, 0) == []
    assert moment_steps(gan_jax.Experiment(steps=7, log_every=2), 3) == [0, 7]


def test_the_kept_states_are_the_trainings(kept):
    study, folder, _ = kept
    cell = cells(study)[0]
    run = gan_jax.train_seeds(study.experiments()["r1"], study.seeds, study.lanes)
    states = read_states(cell, folder, study.experiments()["r1"], 40)
    chex.assert_trees_all_equal(states, jax.device_get(run.states))
    first = read_states(cell, folder, study.experiments()["r1"], 0)
    gan = gan_jax.make_gan(BASE)
    for place, seed in enumerate(study.seeds):
        one = jax.tree.map(lambda x: x[place], first)  # noqa: B023
        chex.assert_trees_all_close(one, gan.init(gan_jax.seed_key(seed)), rtol=1e-6)


def test_every_seed_and_moment_of_a_study_has_its_spectrum(kept):
    study, folder, spectrum = kept
    assert dict(spectrum.sizes) == {"variant": 2, "step": 3, "seed": 3, "eigenvalue": 2}
    assert spectrum["step"].values.tolist() == [0, 20, 40]
    assert spectrum["seed"].values.tolist() == [4, 2, 9]
    experiment = study.experiments()["consensus"]
    states = read_states(cells(study)[1], folder, experiment, 20)
    expected = dynamics.spectra(experiment, states)
    here = spectrum.sel(variant="consensus", step=20)
    np.testing.assert_array_equal(here["real"], expected.eigenvalues.real)
    np.testing.assert_array_equal(here["rotation"], expected.rotation)
    assert here["update"].item() == "consensus" and here["parameters"].item() == 2
    stored = xr.load_dataset(folder / "spectrum.nc", engine="h5netcdf")
    xr.testing.assert_equal(
        stored.drop_vars(["optimizer", "update"]), spectrum.drop_vars(["optimizer", "update"])
    )


def test_the_command_prints_a_table_and_draws(kept, capsys):
    _, folder, _ = kept
    assert main(["spectrum", str(folder), "--batch-size", "2"]) == 0
    printed = capsys.readouterr().out
    for word in ("r1", "consensus", "growing", "rotation", "alignment", "eigenvalues.png"):
        assert word in printed
    assert (folder / "figures/eigenvalues.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_has_a_row_a_variant_and_a_column_a_moment(kept):
    _, _, spectrum = kept
    figure = eigenvalues_in_the_plane(spectrum)
    assert len(figure.axes) == 6
    # Every eigenvalue is a dot at its place.
    dots = figure.axes[5].collections[-1].get_offsets()
    here = spectrum.sel(variant="consensus", step=40)
    np.testing.assert_allclose(dots[:, 0], here["real"].values.ravel())
    np.testing.assert_allclose(dots[:, 1], here["imaginary"].values.ravel())


def test_variants_of_other_sizes_are_padded(tmp_path):
    variants = {"narrow": {"generator_hidden": [1]}, "wide": {"generator_hidden": [2]}}
    base = BASE.replace(data="parabola", generator="dense", discriminator_hidden=[2])
    study = gan_jax.Study("sizes", base.replace(optimizer="adam"), variants, seeds=2, moments=1)
    gan_jax.run_study(study, tmp_path / "sizes")
    spectrum = study_spectra(tmp_path / "sizes")
    counts = spectrum["real"].isel(step=0).notnull().sum("eigenvalue").values
    assert counts[0].tolist() == [spectrum["parameters"].values[0]] * 2
    assert (
        counts[1].tolist()
        == [spectrum["parameters"].values[1]] * 2
        == [spectrum.sizes["eigenvalue"]] * 2
    )
    assert bool(spectrum["preconditioned"].all())


def test_a_folder_without_what_is_needed_is_refused_in_one_line(kept, tmp_path, capsys):
    _, folder, _ = kept
    assert main(["spectrum", str(tmp_path)]) == 2
    assert "no study.yaml" in capsys.readouterr().err
    stateless = gan_jax.Study("stateless", BASE, {"r1": {}}, seeds=1, moments=0)
    gan_jax.run_study(stateless, tmp_path / "stateless")
    assert not list((tmp_path / "stateless").rglob("states.npz"))
    with pytest.raises(ConfigError, match="kept no states"):
        study_spectra(tmp_path / "stateless")
    with pytest.raises(ConfigError, match="moments: -1"):
        gan_jax.Study("negative", BASE, {"r1": {}}, seeds=1, moments=-1)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "study.yaml").write_text((folder / "study.yaml").read_text())
    with pytest.raises(ConfigError, match="2 of 2 cells are not done"):
        study_spectra(unfinished)


def test_hostile_and_damaged_states_are_refused_and_never_unpickled(tmp_path):
    study = gan_jax.Study("hostile", BASE, {"r1": {}}, seeds=2, moments=1)
    gan_jax.run_study(study, tmp_path)
    cell, experiment = cells(study)[0], study.experiments()["r1"]
    path = states_path(cell, tmp_path)
    whole = path.read_bytes()
    with np.load(path) as file:
        arrays = dict(file)

    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('unpickled')",))

    def damaged(write):
        write()
        with pytest.raises(ConfigError) as refusal:
            read_states(cell, tmp_path, experiment, 40)
        assert "\n" not in str(refusal.value) and str(path) in str(refusal.value)

    damaged(lambda: path.write_bytes(whole[: len(whole) // 2]))
    damaged(lambda: path.write_bytes(b""))
    damaged(path.unlink)
    np.save(tmp_path / "one.npy", np.zeros(3))
    damaged(lambda: path.write_bytes((tmp_path / "one.npy").read_bytes()))
    name = "40/generator/parameters/theta"
    damaged(lambda: np.savez(path, **(arrays | {name: np.zeros((3, 1))})))
    damaged(lambda: np.savez(path, **(arrays | {name: np.array([[Bomb()], [Bomb()]])})))
    del arrays[name]
    damaged(lambda: np.savez(path, **arrays))
