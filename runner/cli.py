"""The command line `runner`: its commands put together, and errors told as sentences."""

from __future__ import annotations

import gc
import sys

import typer

from ledger.errors import LedgerError
from runner.commands import check, drift, plan, run, trainers
from runner.errors import RunnerError

# What is imported stays: the collector need not look through it every few hundred objects.
gc.set_threshold(50_000, 20, 20)

app = typer.Typer(
    name="runner",
    help="Trains what a ledger says is to be trained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (run, plan, drift, check, trainers):
    module.register(app)


def main() -> None:
    """Run the command line; an error of ours is one sentence on stderr and an exit code."""
    try:
        app()
    except (LedgerError, RunnerError) as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
