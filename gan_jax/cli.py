"""The command line: parse, call, print. Every flag of a training is a field of `Experiment`.

JAX is imported by the commands that train, when they do: help and mistakes answer at once.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

import tyro

from gan_jax.catalogue import nearest
from gan_jax.commands.answers import Power, Report, Verdicts
from gan_jax.commands.classifier import TrainClassifier
from gan_jax.commands.fetch import Fetch
from gan_jax.commands.flags import choose_preset
from gan_jax.commands.hosts import HostFlags
from gan_jax.commands.look import List, Spectrum, Summary
from gan_jax.commands.parsing import parse
from gan_jax.commands.sample import Sample
from gan_jax.commands.script import FAILED, INTERRUPTED, MISTAKEN
from gan_jax.commands.train import Compare, RunStudy, Train
from gan_jax.config import FIELDS
from gan_jax.fields import ConfigError
from gan_jax.files.compiled import keep_compiled_programs
from gan_jax.files.said import say
from gan_jax.studies.claims import StudyError
from gan_jax.studies.failures import no_memory, not_written
from gan_jax.training.interrupts import Interrupted

COMMANDS = {
    "compare": Compare,
    "study": RunStudy,
    "train": Train,
    "report": Report,
    "verdicts": Verdicts,
    "power": Power,
    "spectrum": Spectrum,
    "fetch": Fetch,
    "classifier": TrainClassifier,
    "sample": Sample,
    "summary": Summary,
    "list": List,
}
DESCRIPTION = "A laboratory for the stability of GAN training: many seeds, rates with intervals."


def _subcommand(name: str, kind: type) -> Any:
    return Annotated[kind, tyro.conf.subcommand(name)]


def flags(command: Any) -> list[str]:
    """Every flag of a command."""
    fields = dataclasses.fields(command)
    own = [field.name for field in fields if "Positional[" not in str(field.type)]
    names = [name for name in own if name not in ("experiment", "hosts")]
    if "hosts" in own:
        names += [field.name for field in dataclasses.fields(HostFlags)]
    if isinstance(command, Compare | Train | Summary):
        names += [name for name in FIELDS if name != "loss" or not isinstance(command, Compare)]
    return ["--" + name.replace("_", "-") for name in names]


def check_command(arguments: Sequence[str]) -> None:
    """Refuse no command, and one that there is not.

    Raises:
      ConfigError: naming those that there are, and the nearest.
    """
    if not arguments:
        raise ConfigError(f"no command given; {nearest('', COMMANDS)}")
    if not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        raise ConfigError(f"{arguments[0]!r} is no command; {nearest(arguments[0], COMMANDS)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 for a failure, 2 for a mistake.

    Of a signal 128 and its number: 130 for Ctrl-C, 143 for SIGTERM, 129 where the terminal is gone.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:
        print(f"gan-jax {version('gan-jax')}")
        return 0
    try:
        check_command(arguments)
        choose_preset(arguments)
        commands = functools.reduce(operator.or_, itertools.starmap(_subcommand, COMMANDS.items()))
        command, unknown = parse(commands, arguments, prog="gan-jax", description=DESCRIPTION)
        if unknown:
            raise ConfigError(
                f"{unknown[0]!r} is no flag here; {nearest(unknown[0], flags(command))}"
            )
        keep_compiled_programs()
        if isinstance(command, Compare | RunStudy | Train):
            command.hosts.run(command.run, command.data_dir)
        else:
            command.run()
    except ConfigError as error:
        return _say(error, MISTAKEN)
    except Interrupted as interrupt:
        return _say(interrupt, interrupt.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain again when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _say(not_written(error), FAILED)
    except MemoryError as error:
        return _say(no_memory(error), FAILED)
    except StudyError as error:
        return _say(error, FAILED)
    return 0


def _say(words: object, exit_code: int) -> int:
    say(f"gan-jax: {words}")
    return exit_code
