"""How an experiment's script is run: its main function's parameters are its flags."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tyro

from gan_jax.fields import ConfigError
from gan_jax.files.compiled import keep_compiled_programs
from gan_jax.studies.cells import StudyError

FAILED, MISTAKEN, INTERRUPTED = 1, 2, 130  # exit codes, of `gan-jax` too


def run_script(main: Callable[..., Any]) -> None:
    """Call `main` with what the command line says; a mistake is one line, and exit code 2."""
    try:
        keep_compiled_programs()
        tyro.cli(main)
    except ConfigError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        sys.exit(MISTAKEN)
    except (OSError, StudyError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except KeyboardInterrupt as interrupt:
        print(f"{sys.argv[0]}: {str(interrupt) or 'interrupted'}", file=sys.stderr)
        sys.exit(INTERRUPTED)
