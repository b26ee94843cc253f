"""``completion``: scripts for shell completion of commands and options."""

from __future__ import annotations

import click

from entrepot.cli.reports import show


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    \b
    Examples:
      entrepot completion bash > ~/.local/share/bash-completion/completions/entrepot
      entrepot completion zsh > "${fpath[1]}/_entrepot"
      ml-git completion bash > ~/.local/share/bash-completion/completions/ml-git
      entrepot completion fish > ~/.config/fish/completions/entrepot.fish
    """
    # Imported here because the import runs the shell to find its version.
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = ctx.find_root()
    name = root.info_name or "entrepot"
    show(kind(root.command, {}, name, f"_{name.replace('-', '_').upper()}_COMPLETE").source())
