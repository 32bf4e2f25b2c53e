"""Studies that grow: only what is new is run; what a study will take is said before."""

import pytest
import xarray as xr
from setups import LOSSES, SHORT, timeless, tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.game import gan
from gan_jax.studies import engines
from gan_jax.studies.cells import cells
from gan_jax.studies.folder import open_folder
from gan_jax.studies.plan import plan, plan_line


def trained(monkeypatch):
    """Which variants and seeds are trained, in turn."""
    seen, run_cell = [], engines.run_cell

    def watched(study, cell, *others):
        seen.append((cell.variant, cell.seeds))
        run_cell(study, cell, *others)

    monkeypatch.setattr(engines, "run_cell", watched)
    return seen


@pytest.mark.bits
def test_a_study_grows_by_what_is_new_only(tmp_path, monkeypatch):
    seen, folder = trained(monkeypatch), tmp_path / "grown"
    both = {"b": {"loss": "hinge"}, "a": {}}

    def run(variants, seeds):
        study = tiny_study(base=SHORT, variants=variants, seeds=seeds, lanes=None)
        return gan_jax.run_study(study, folder)

    before = run({"a": {}}, 3)
    run({"a": {}}, [2, 0, 1, 9])
    grown = run(both, [0, 1, 2, 9])
    assert seen == [("a", (0, 1, 2)), ("a", (9,)), ("b", (0, 1, 2)), ("b", (9,))]
    assert grown["variant"].values.tolist() == ["a", "b"]
    assert grown["seed"].values.tolist() == [0, 1, 2, 9]
    assert run(both, [0, 1, 2, 9]).identical(grown) and len(seen) == 4
    # Whichever way it came about, it is one study: a seed's numbers depend on the lanes alone.
    variants = {"a": {}, "b": {"loss": "hinge"}}
    whole = tiny_study(base=SHORT, variants=variants, seeds=[0, 1, 2, 9], lanes=2)
    at_once = gan_jax.run_study(whole, tmp_path / "whole")
    xr.testing.assert_identical(timeless(grown), timeless(at_once))
    xr.testing.assert_equal(grown["logit_real"][:1, :3], before["logit_real"])


def test_a_study_never_shrinks_and_keeps_its_lanes(tmp_path):
    open_folder(tiny_study(seeds=3), tmp_path / "s")
    for changes, words in (
        ({"seeds": 2}, "seeds: 2 there, not here; a study grows, but never shrinks"),
        ({"variants": {"saturating": LOSSES["saturating"]}}, "variants: non_saturating there"),
        ({"lanes": 3}, "lanes: 2 there, 3 here"),
        ({"moments": 5}, "moments: 3 there, 5 here"),
        ({"criteria": gan_jax.Criteria(tail_share=0.5)}, r"criteria.tail_share: 0.2 there, 0.5"),
        ({"name": "other"}, "name: tiny there, other here"),
    ):
        with pytest.raises(ConfigError, match=words):
            open_folder(tiny_study(**changes), tmp_path / "s")
    many = open_folder(tiny_study(seeds=100, lanes=None), tmp_path / "s")
    assert many.lanes == 2 and many.grown_from == (3,)
    sizes = [len(cell.seeds) for cell in cells(many) if cell.variant == "saturating"]
    assert sizes == [3, 64, 33]
    assert (
        open_folder(tiny_study(seeds=100, lanes=None), tmp_path / "s").to_dict() == many.to_dict()
    )


def test_the_plan_counts_programs_runs_and_steps():
    variants = {
        "slow": {"generator_learning_rate": 1e-4},
        "fast": {"generator_learning_rate": 1e-2},
        "hinge": {"loss": "hinge"},
        "clipped": {"weight_clip": 0.1},
        "longer": {"steps": 60},
    }
    study = tiny_study(variants=variants)
    size = plan(study, cells(study))
    assert size == (3, 15, 3 * (4 * 30 + 60))
    assert plan_line(study, size) == (
        "tiny: 15 runs (5 variants x 3 seeds), 3 programs to compile, 540 seed-steps"
    )


def test_learning_rates_share_one_program(tmp_path, monkeypatch):
    traces, train_step = [], gan.train_step

    def counted(*arguments, **named):
        traces.append(1)
        return train_step(*arguments, **named)

    monkeypatch.setattr(gan, "train_step", counted)
    rates = {f"r{i}": {"generator_learning_rate": 10.0**-i} for i in range(2, 6)}
    base = SHORT.replace(generator_hidden=(11,))
    gan_jax.run_study(tiny_study(base=base, variants=rates, seeds=3), tmp_path / "s")
    assert len(traces) == 1


def test_who_names_no_criteria_means_the_folders(tmp_path):
    strict = gan_jax.Criteria(tail_share=0.5)
    open_folder(tiny_study(criteria=strict), tmp_path / "s")
    assert open_folder(tiny_study(), tmp_path / "s").criteria == strict
    with pytest.raises(ConfigError, match=r"tail_share: 0\.5 there, 0\.4 here; `gan-jax verdicts`"):
        open_folder(tiny_study(criteria=gan_jax.Criteria(tail_share=0.4)), tmp_path / "s")
