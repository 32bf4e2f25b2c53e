"""How an experiment's script is run: its main function's parameters are its flags."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tyro

from gan_jax.fields import ConfigError
from gan_jax.files.compiled import keep_compiled_programs
from gan_jax.studies.claims import StudyError
from gan_jax.studies.failures import no_memory, not_written
from gan_jax.training.interrupts import Interrupted

FAILED, MISTAKEN, INTERRUPTED = 1, 2, 130  # exit codes, of `gan-jax` too


def run_script(main: Callable[..., Any]) -> None:
    """Call `main` with what the command line says; a mistake is one line, and exit code 2."""
    try:
        keep_compiled_programs()
        tyro.cli(main)
    except ConfigError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        sys.exit(MISTAKEN)
    except (OSError, MemoryError) as error:
        words = not_written(error) if isinstance(error, OSError) else no_memory(error)
        print(f"{sys.argv[0]}: {words}", file=sys.stderr)
        sys.exit(FAILED)
    except StudyError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except KeyboardInterrupt as interrupt:
        words = str(interrupt) or "interrupted"
        print(f"{sys.argv[0]}: {words}; the same command continues", file=sys.stderr)
        sys.exit(interrupt.exit_code if isinstance(interrupt, Interrupted) else INTERRUPTED)
