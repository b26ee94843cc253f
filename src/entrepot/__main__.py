"""``python -m entrepot``: the command line."""

from entrepot.cli.main import run

run()
