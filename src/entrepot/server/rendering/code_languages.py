"""The languages whose code has colours, by the name of a file or of a fenced block; the content is never guessed from.

Only lexers of Pygments are listed that read a text from left to right with regular expressions or by hand, so that
:mod:`~entrepot.server.rendering.code_colours` can bound their work, and that its tests have tried with hostile texts.
"""

from __future__ import annotations

_LANGUAGES: dict[str, tuple[str, str]] = {
    # lexer: (other names in Markdown, endings of files)
    "basemake": ("make makefile", ".mk .mak"),
    "bash": ("sh shell zsh console shell-session bash-session", ".sh .bash .zsh .sbatch .slurm"),
    "c": ("", ".c .h"),
    "cmake": ("", ".cmake"),
    "cpp": ("c++ cc cxx hpp cuda cu", ".cc .cpp .cxx .hpp .hh .cu .cuh"),
    "css": ("scss", ".css"),
    "diff": ("patch", ".diff .patch"),
    "docker": ("dockerfile", ".dockerfile"),
    "go": ("golang", ".go"),
    "html": ("", ".html .htm .xhtml"),
    "ini": ("cfg dosini properties", ".ini .cfg .conf .properties"),
    "java": ("", ".java"),
    "javascript": ("js mjs jsx", ".js .mjs .cjs .jsx"),
    "json": ("jsonl json5 jsonc", ".json .jsonl .ndjson .webmanifest"),
    "julia": ("jl", ".jl"),
    "protobuf": ("proto", ".proto"),
    "python": ("py python3 py3 pycon ipython ipython3 cython pyx", ".py .pyi .pyw .pyx"),
    "r": ("", ".r"),
    "rust": ("rs", ".rs"),
    "sql": ("postgresql mysql sqlite duckdb", ".sql"),
    "toml": ("", ".toml"),
    "typescript": ("ts tsx", ".ts .tsx .mts"),
    "xml": ("svg", ".xml .xsd .xsl .svg"),
    "yaml": ("yml", ".yaml .yml .cff"),
}
_FILE_NAMES = {
    ".bashrc": "bash", ".editorconfig": "ini", ".gitconfig": "ini", "cmakelists.txt": "cmake", "dockerfile": "docker",
    "makefile": "basemake", "pipfile": "toml", "poetry.lock": "toml", "uv.lock": "toml",
}  # fmt: skip
_OF_BLOCKS = {name: lexer for lexer, (names, _) in _LANGUAGES.items() for name in (lexer, *names.split())}
_OF_ENDINGS = {ending: lexer for lexer, (_, endings) in _LANGUAGES.items() for ending in endings.split()}

LEXERS = tuple(_LANGUAGES)
"""The names under which Pygments has the lexers."""


def language_of_block(name: str) -> str | None:
    """Return the lexer of a fenced block by the name that its author gave; None if its code stays plain."""
    return _OF_BLOCKS.get(name.lower())


def language_of_file(name: str) -> str | None:
    """Return the lexer of a file by its name without folders; None if its text stays plain."""
    lower = name.lower()
    _, dot, ending = lower.rpartition(".")
    return _FILE_NAMES.get(lower) or (_OF_ENDINGS.get(dot + ending) if dot else None)
