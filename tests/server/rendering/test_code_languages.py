from __future__ import annotations

import pytest
from pygments.lexers import get_lexer_by_name

from entrepot.server.rendering.code_languages import LEXERS, language_of_block, language_of_file


@pytest.mark.parametrize("lexer", LEXERS)
def test_pygments_has_every_lexer(lexer: str) -> None:
    assert get_lexer_by_name(lexer)
    assert language_of_block(lexer) == lexer


@pytest.mark.parametrize(
    ("name", "lexer"),
    [
        ("train.py", "python"),
        ("CONFIG.JSON", "json"),
        ("Dockerfile", "docker"),
        ("CMakeLists.txt", "cmake"),
        ("kernel.cu", "cpp"),
        ("notes.txt", None),
        ("README", None),
        ("py", None),
        ("", None),
    ],
)
def test_the_name_of_a_file_says_its_language(name: str, lexer: str | None) -> None:
    assert language_of_file(name) == lexer


@pytest.mark.parametrize(("name", "lexer"), [("Py", "python"), ("c++", "cpp"), ("console", "bash"), ("cobol", None)])
def test_the_name_of_a_block_says_its_language(name: str, lexer: str | None) -> None:
    assert language_of_block(name) == lexer
