"""What a study will take, said before it runs: programs, runs, steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gan_jax.config import Experiment, split
from gan_jax.studies.cells import Cell
from gan_jax.studies.study import Study


class Plan(NamedTuple):
    """The size of some cells of a study.

    Attributes:
      programs: how many training programs are compiled: variants that differ in real numbers only
        share one.
      runs: trainings, one a variant and seed.
      seed_steps: training steps of all of them.
    """

    programs: int
    runs: int
    seed_steps: int


def plan(study: Study, todo: Iterable[Cell]) -> Plan:
    """The size of what is to be run of a study."""
    experiments, programs, runs, seed_steps = study.experiments(), set(), 0, 0
    for cell in todo:
        experiment = experiments[cell.variant]
        programs.add(program(experiment))
        runs += len(cell.seeds)
        seed_steps += len(cell.seeds) * experiment.total_steps
    return Plan(len(programs), runs, seed_steps)


def program(experiment: Experiment) -> tuple:
    """What decides whether two experiments share a compiled program."""
    static, leaves = split(experiment)
    present = tuple(name for name, leaf in leaves._asdict().items() if leaf is not None)
    return static, present, tuple(leaves.loss_parameters)


def plan_line(study: Study, size: Plan) -> str:
    """The plan in a line."""

    def count(n: int, what: str) -> str:
        return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"

    return (
        f"{study.name}: {count(size.runs, 'run')} ({count(len(study.variants), 'variant')} x "
        f"{count(len(study.seeds), 'seed')}), {count(size.programs, 'program')} to compile, "
        f"{size.seed_steps:,} seed-steps"
    )
