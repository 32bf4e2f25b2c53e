"""A study: variants x seeds. What is asked, as one validated value; how it is run is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_jax.analysis.verdicts import Criteria
from gan_jax.catalogue import nearest
from gan_jax.config import Experiment, check_fields
from gan_jax.data_facts import is_array
from gan_jax.fields import ConfigError, FrozenDict, canonical, check_range, shown
from gan_jax.presets import preset
from gan_jax.studies.grid import MOST_VARIANTS, grid
from gan_jax.training.lanes import check_batch_devices, check_lanes, check_seeds

# Names become folders and file names: letters, digits and a few marks, on every system.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,99}")
# Variants that agree in these are measured alike: with the same real samples and latents.
MEASURED_ALIKE = ("data", "evaluation_samples", "classifier_measures", "data_seed")


@dataclass(frozen=True)
class Study:
    """Variants of one experiment, each trained with the same seeds.

    Attributes:
      name: letters, digits, `._+=-`; what the study is called in reports.
      base: what all variants share.
      variants: name -> the fields in which it differs from `base`.
      seeds: a count (0 .. n - 1) or the seeds; expanded to a tuple.
      lanes: seeds in one vmap, on which the bits depend; see `training.lanes.default_lanes`.
      batch_devices: how many devices share each batch, on which the bits depend too; see
        `training.rows`.
      grown_from: how many seeds the study had before it grew: no cell reaches across these.
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
    batch_devices: int = 1
    grown_from: tuple[int, ...] = ()
    lanes_chosen: bool = field(init=False, compare=False, repr=False, default=False)
    """Whether `lanes` was given, or follows from the number of seeds."""
    _experiments: Mapping[str, Experiment] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_label("name", self.name)
        if not isinstance(self.base, Experiment):
            raise ConfigError(f"base: {shown(self.base)} given, expected an Experiment")
        if not isinstance(self.variants, Mapping) or not self.variants:
            raise ConfigError("variants: expected at least one name and its fields")
        if len(self.variants) > MOST_VARIANTS:
            raise ConfigError(
                f"variants: {len(self.variants)} given, expected at most {MOST_VARIANTS}"
            )
        for variant, overrides in self.variants.items():
            check_label("variant", variant)
            if not isinstance(overrides, Mapping):
                raise ConfigError(
                    f"variant {variant}: {shown(overrides)} given, expected fields by name"
                )
        # On a file system that ignores case, two such variants would share a folder.
        if len({variant.lower() for variant in self.variants}) < len(self.variants):
            raise ConfigError("variants: two names differ in case only; rename one")
        object.__setattr__(self, "seeds", check_seeds(self.seeds))
        object.__setattr__(self, "lanes_chosen", self.lanes is not None)
        object.__setattr__(self, "lanes", check_lanes(self.lanes, len(self.seeds)))
        self._check_growth()
        check_range("moments", canonical("moments", "int", self.moments), *MOMENTS)
        # As plain values, so that the study written to YAML is the study read from it.
        variants = {}
        for name, experiment in self._validated().items():
            plain = experiment.to_dict()
            variants[name] = {field: plain[field] for field in self.variants[name]}
            # A loss's parameters are recorded whole: defaults may change, or be a script's.
            parameters = experiment.all_loss_parameters()
            if parameters != self.base.loss_parameters:
                variants[name]["loss_parameters"] = parameters
            variants[name] = FrozenDict(variants[name])
        object.__setattr__(self, "variants", FrozenDict(variants))
        object.__setattr__(self, "_experiments", FrozenDict(self._validated()))
        self._check_batch_devices()

    def _check_growth(self) -> None:
        counts = canonical("grown_from", "tuple[int, ...]", self.grown_from)
        increasing = list(counts) == sorted(set(counts))
        if not increasing or not all(0 < count < len(self.seeds) for count in counts):
            raise ConfigError(
                f"grown_from: {shown(self.grown_from)} given, expected increasing numbers of seeds "
                f"below {len(self.seeds)}"
            )
        object.__setattr__(self, "grown_from", counts)

    def _check_batch_devices(self) -> None:
        for variant, experiment in self._experiments.items():
            try:
                devices = check_batch_devices(self.batch_devices, experiment)
            except ConfigError as error:
                raise ConfigError(f"variant {variant}: {error}") from None
            object.__setattr__(self, "batch_devices", devices)

    def _validated(self) -> dict[str, Experiment]:
        """Each variant's experiment.

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

    def experiments(self) -> dict[str, Experiment]:
        """Each variant's experiment, complete."""
        return dict(self._experiments)

    def first_experiment(self) -> Experiment:
        """The first variant's experiment."""
        return next(iter(self._experiments.values()))

    def groups(self) -> dict[str, dict[str, Experiment]]:
        """Variants and their experiments by the data they are measured on, MEASURED_ALIKE.

        A group is called as its data; where two have the same data but other measurements, the
        later ones are numbered.
        """
        found: dict[tuple, dict[str, Experiment]] = {}
        for variant, experiment in self._experiments.items():
            key = tuple(getattr(experiment, name) for name in MEASURED_ALIKE)
            found.setdefault(key, {})[variant] = experiment
        named: dict[str, dict[str, Experiment]] = {}
        for (data, *_), experiments in found.items():
            first = name = Path(data).stem if is_array(data) else data
            number = 1
            while name in named:
                number += 1
                name = f"{first}-{number}"
            named[name] = experiments
        return named

    def varied(self) -> dict[str, dict[str, Any]]:
        """Each variant's values of the fields in which variants differ, as plain Python."""
        plain = {name: experiment.to_dict() for name, experiment in self._experiments.items()}
        first = next(iter(plain.values()))
        differing = [f for f in first if any(each[f] != first[f] for each in plain.values())]
        return {name: {f: each[f] for f in differing} for name, each in plain.items()}

    def to_dict(self) -> dict[str, Any]:
        """The study as plain Python, resolved, ready for YAML; `from_dict` restores it."""
        every = tuple(range(len(self.seeds)))
        document = {
            "name": self.name,
            "seeds": len(every) if self.seeds == every else list(self.seeds),
            "lanes": self.lanes,
            "variants": {name: dict(overrides) for name, overrides in self.variants.items()},
            "base": self.base.to_dict(),
            "criteria": asdict(self.criteria),
            "moments": self.moments,
        }
        if self.batch_devices > 1:
            document["batch_devices"] = self.batch_devices
        return document | ({"grown_from": list(self.grown_from)} if self.grown_from else {})

    @classmethod
    def from_dict(cls, document: Any) -> Study:
        """Read a study from plain Python, as `to_dict` gives or a user's YAML file says.

        `base` and `criteria` need only name what differs from the defaults, those of `base` being a
        `preset`'s where one is named. `grid` is crossed with
        `variants`, or stands in their place: see `studies.grid`.

        Raises:
          ConfigError: for a key, a type or a value that cannot be.
        """
        if not isinstance(document, Mapping):
            raise ConfigError("a study is a mapping with the keys " + ", ".join(KEYS))
        for key in document:
            if key not in (*KEYS, RECORDED):
                raise ConfigError(f"{shown(key)} is no key of a study; {nearest(key, KEYS)}")
        for key in ("name", "seeds"):
            if key not in document:
                raise ConfigError(f"{key}: missing; {NEEDED}")
        if "variants" not in document and "grid" not in document:
            raise ConfigError(f"variants: missing; {NEEDED}")
        base = document.get("base", {})
        if not isinstance(base, Mapping):
            raise ConfigError(f"base: {shown(base)} given, expected fields by name")
        check_fields(base)
        return cls(
            name=document["name"],
            base=preset(document.get("preset", "parabola"), **base),
            variants=_variants(document),
            seeds=document["seeds"],
            lanes=document.get("lanes"),
            criteria=Criteria.from_dict(document.get("criteria", {})),
            moments=document.get("moments", cls.moments),
            batch_devices=document.get("batch_devices", cls.batch_devices),
            grown_from=document.get("grown_from", ()),
        )


def _variants(document: Mapping[str, Any]) -> Any:
    """A document's variants: by name, as a list of names and fields, crossed with its grid."""
    variants = document.get("variants")
    if isinstance(variants, list):
        named: dict[str, Any] = {}
        for entry in variants:
            if not isinstance(entry, Mapping) or "name" not in entry:
                raise ConfigError(f"variants: {shown(entry)} given, expected a name and fields")
            check_label("variant", entry["name"])
            if entry["name"] in named:
                raise ConfigError(f"variants: {shown(entry['name'])} is listed more than once")
            named[entry["name"]] = {field: x for field, x in entry.items() if field != "name"}
        variants = named
    if "grid" not in document:
        return variants
    if variants is not None and not isinstance(variants, Mapping):
        raise ConfigError(f"variants: {shown(variants)} given, expected names and their fields")
    for name, fields in (variants or {}).items():
        check_label("variant", name)
        if not isinstance(fields, Mapping):
            raise ConfigError(f"variant {name}: {shown(fields)} given, expected fields by name")
    return grid(document["grid"], variants)


KEYS = (
    "name",
    "seeds",
    "lanes",
    "variants",
    "grid",
    "preset",
    "base",
    "criteria",
    "moments",
    "batch_devices",
    "grown_from",
)
NEEDED = "a study needs name, seeds, and variants or a grid"
MOMENTS = (0, 100, "a whole number from 0 to 100")
# What study.yaml also holds: the versions, devices and command that ran the study. Not part of it.
RECORDED = "recorded"


def check_label(what: str, label: Any) -> None:
    """Refuse what cannot be the name of a study or a variant: it becomes that of a folder.

    Raises:
      ConfigError: saying of what.
    """
    if not isinstance(label, str) or not NAME.fullmatch(label):
        raise ConfigError(
            f"{what}: {shown(label)} given, expected up to 100 letters, digits and ._+=- "
            "that begin with a letter or digit"
        )
