"""A study: variants x seeds. What is asked, as one validated value; how it is run is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gan_jax.analysis.verdicts import Criteria
from gan_jax.catalogue import nearest
from gan_jax.config import Experiment, check_fields
from gan_jax.fields import ConfigError, FrozenDict, canonical, check_range
from gan_jax.training.lanes import check_lanes, check_seeds

# Names become folders and file names: letters, digits and a few marks, on every system.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,99}")
# Variants are compared curve by curve, so these may not differ among them.
SHARED_FIELDS = (
    "data",
    "evaluation_samples",
    "classifier_measures",
    "data_seed",
    "record_every",
    "total_steps",
)


@dataclass(frozen=True)
class Study:
    """Variants of one experiment, each trained with the same seeds.

    Attributes:
      name: letters, digits, `._+=-`; what the study is called in reports.
      base: what all variants share.
      variants: name -> the fields in which it differs from `base`.
      seeds: a count (0 .. n - 1) or the seeds; expanded to a tuple.
      lanes: seeds in one vmap, on which the bits depend; see `training.lanes.default_lanes`.
      criteria: thresholds of the verdicts.
      moments: at how many moments of training, evenly spaced from the untrained state to the last
        one, the seeds' whole states are kept, for `gan-jax spectrum`; 0 keeps none.

    Raises:
      ConfigError: at construction, for anything that cannot be run.
    """

    name: str
    base: Experiment
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Any  # a tuple, once made
    lanes: Any = None  # a number, once made
    criteria: Criteria = field(default_factory=Criteria)
    moments: int = 3

    def __post_init__(self) -> None:
        _check_label("name", self.name)
        if not isinstance(self.base, Experiment):
            raise ConfigError(f"base: {self.base!r} given, expected an Experiment")
        if not isinstance(self.variants, Mapping) or not self.variants:
            raise ConfigError("variants: expected at least one name and its fields")
        for variant, overrides in self.variants.items():
            _check_label("variant", variant)
            if not isinstance(overrides, Mapping):
                raise ConfigError(
                    f"variant {variant}: {overrides!r} given, expected fields by name"
                )
        # On a file system that ignores case, two such variants would share a folder.
        if len({variant.lower() for variant in self.variants}) < len(self.variants):
            raise ConfigError("variants: two names differ in case only; rename one")
        object.__setattr__(self, "seeds", check_seeds(self.seeds))
        object.__setattr__(self, "lanes", check_lanes(self.lanes, len(self.seeds)))
        check_range("moments", canonical("moments", "int", self.moments), *MOMENTS)
        # As plain values, so that the study written to YAML is the study read from it.
        plain = {name: experiment.to_dict() for name, experiment in self.experiments().items()}
        variants = {
            name: FrozenDict({field: plain[name][field] for field in overrides})
            for name, overrides in self.variants.items()
        }
        for name, experiment in self.experiments().items():
            # A loss's parameters are recorded whole: defaults may change, or be a script's.
            parameters = experiment.all_loss_parameters()
            if parameters != self.base.loss_parameters:
                variants[name] = FrozenDict({**variants[name], "loss_parameters": parameters})
        object.__setattr__(self, "variants", FrozenDict(variants))
        self._check_comparable()

    def _check_comparable(self) -> None:
        experiments = self.experiments()
        first = next(iter(experiments))
        for shared in SHARED_FIELDS:
            for variant, experiment in experiments.items():
                here, there = getattr(experiments[first], shared), getattr(experiment, shared)
                if here != there:
                    raise ConfigError(
                        f"variant {variant}: {shared} is {there}, but {here} in {first}; "
                        "variants of one study must agree in it"
                    )

    def experiments(self) -> dict[str, Experiment]:
        """Each variant's experiment, complete.

        Raises:
          ConfigError: naming the variant whose fields are refused.
        """
        experiments = {}
        for variant, overrides in self.variants.items():
            try:
                check_fields(overrides)
                experiments[variant] = self.base.replace(**overrides)
            except ConfigError as error:
                raise ConfigError(f"variant {variant}: {error}") from None
        return experiments

    def first_experiment(self) -> Experiment:
        """The first variant's experiment: stands for all in what variants share, SHARED_FIELDS."""
        return next(iter(self.experiments().values()))

    def to_dict(self) -> dict[str, Any]:
        """The study as plain Python, resolved, ready for YAML; `from_dict` restores it."""
        every = tuple(range(len(self.seeds)))
        return {
            "name": self.name,
            "seeds": len(every) if self.seeds == every else list(self.seeds),
            "lanes": self.lanes,
            "variants": {name: dict(overrides) for name, overrides in self.variants.items()},
            "base": self.base.to_dict() | {"log_every": self.first_experiment().record_every},
            "criteria": asdict(self.criteria),
            "moments": self.moments,
        }

    @classmethod
    def from_dict(cls, document: Any) -> Study:
        """Read a study from plain Python, as `to_dict` gives or a user's YAML file says.

        `base` and `criteria` need only name what differs from the defaults.

        Raises:
          ConfigError: for a key, a type or a value that cannot be.
        """
        if not isinstance(document, Mapping):
            raise ConfigError("a study is a mapping with the keys " + ", ".join(KEYS))
        for key in document:
            if key not in (*KEYS, RECORDED):
                raise ConfigError(f"{key!r} is no key of a study; {nearest(str(key), KEYS)}")
        for key in ("name", "variants", "seeds"):
            if key not in document:
                raise ConfigError(f"{key}: missing; a study needs name, variants and seeds")
        for key in ("base", "criteria"):
            if not isinstance(document.get(key, {}), Mapping):
                raise ConfigError(f"{key}: {document[key]!r} given, expected fields by name")
        check_fields(document.get("base", {}))
        criteria = document.get("criteria", {})
        thresholds = [threshold.name for threshold in fields(Criteria)]
        for name in criteria:
            if name not in thresholds:
                raise ConfigError(f"criteria: {name!r} given; {nearest(str(name), thresholds)}")
        return cls(
            name=document["name"],
            base=Experiment().replace(**document.get("base", {})),
            variants=document["variants"],
            seeds=document["seeds"],
            lanes=document.get("lanes"),
            criteria=Criteria(**criteria),
            moments=document.get("moments", cls.moments),
        )


KEYS = ("name", "seeds", "lanes", "variants", "base", "criteria", "moments")
MOMENTS = (0, 100, "a whole number from 0 to 100")
# What study.yaml also holds: the versions, devices and command that ran the study. Not part of it.
RECORDED = "recorded"


def _check_label(what: str, label: Any) -> None:
    if not isinstance(label, str) or not NAME.fullmatch(label):
        raise ConfigError(
            f"{what}: {label!r} given, expected up to 100 letters, digits and ._+=- "
            "that begin with a letter or digit"
        )


def differences(there: Mapping[str, Any], here: Mapping[str, Any], path: str = "") -> list[str]:
    """List in words where two documents differ: "base.batch_size: 128 there, 64 here"."""
    found = []
    for key in [*there, *(key for key in here if key not in there)]:
        old, new = there.get(key, "nothing"), here.get(key, "nothing")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{path}{key}.")
        elif old != new:
            found.append(f"{path}{key}: {old} there, {new} here")
    return found
