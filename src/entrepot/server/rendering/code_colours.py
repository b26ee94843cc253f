"""Code as HTML with colours: escaped text in ``span`` elements of a few classes, which the stylesheet colours.

The lexers are those of Pygments. A regular expression cannot be interrupted, so its work is bounded by what it is
given: a lexer sees one slice of the text at a time, and keeps its state for the next. After
:data:`MAX_CODE` characters of a text, or after the CPU time of a :class:`ColourBudget`, the rest stays plain.
A text for which a response had no time left is read on when it is shown the next time.
"""

from __future__ import annotations

import functools
import html
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from entrepot.server.rendering.html_caches import HtmlCache, key_of

MAX_CODE = 64 << 10
"""Characters of one text that have colours."""

RESPONSE_CPU_S = 0.004
"""CPU seconds that colours may take for one response: those of about 3 kB of code."""

MAX_CPU_S = 0.1
"""CPU seconds that the colours of one text may take."""

MAX_SLICE = 4 << 10
"""Characters that a lexer sees at a time: a comment that is longer may end too early."""

CLASSES = frozenset("kscnod")
"""Classes of tokens: keywords, strings, comments, names that are defined, other literals, deleted lines."""

_CACHE = HtmlCache(4 << 20)
_TOKENS_PER_LOOK = 32
"""Tokens after which the time is looked at: a look costs as much as a fifth of a token."""

# Pygments' types of tokens by their first parts; the most specific one counts. Other tokens have no class.
_CLASS_OF = {
    "Comment": "c",
    "Comment.Preproc": "k",
    "Comment.PreprocFile": "s",
    "Keyword": "k",
    "Keyword.Constant": "o",
    "Literal": "o",
    "Literal.String": "s",
    "Literal.String.Doc": "c",
    "Literal.String.Interpol": "o",
    "Literal.String.Escape": "o",
    "Name.Attribute": "n",
    "Name.Builtin": "n",
    "Name.Builtin.Pseudo": "",
    "Name.Class": "n",
    "Name.Constant": "o",
    "Name.Decorator": "n",
    "Name.Exception": "n",
    "Name.Function": "n",
    "Name.Tag": "n",
    "Operator.Word": "k",
    "Generic.Deleted": "d",
    "Generic.Heading": "n",
    "Generic.Inserted": "s",
    "Generic.Subheading": "k",
}


class ColourBudget:
    """CPU time that is left for colours in one response; used by one thread."""

    def __init__(self, cpu_s: float = RESPONSE_CPU_S) -> None:
        self._left_s = cpu_s

    @property
    def left_s(self) -> float:
        """The seconds that are left; negative if more was taken."""
        return self._left_s

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self._left_s <= 0

    def within(self, tokens: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield tokens until the time is spent."""
        begun_s = time.thread_time()
        end_s = begun_s + self._left_s
        try:
            for number, token in enumerate(tokens, start=1):
                yield token
                if number % _TOKENS_PER_LOOK == 0 and time.thread_time() >= end_s:
                    return
        finally:
            self._left_s -= time.thread_time() - begun_s


def colour(code: str, language: str | None, budget: ColourBudget) -> str:
    """Return code as HTML, whose text is the code; no element spans two lines.

    Args:
        language: a member of :data:`~entrepot.server.rendering.code_languages.LEXERS`; None leaves the code plain.
        budget: what is left for the response.

    Guarantees: at most the CPU seconds of the budget, and those of one match within a slice. Results are cached; what
    the budget had no time for gets its colours when the code is shown again.
    """
    if language is None:
        return html.escape(code)
    key = key_of(language, code)
    found = _CACHE.find(key)
    if found is not None:
        return found
    if budget.is_spent:
        return html.escape(code)
    reading = _UNFINISHED.take(key) or _Reading(code, language)
    made = reading.go_on(budget)
    if reading.is_finished:
        _CACHE.put(key, made)
    else:
        _UNFINISHED.put(key, reading)
    return made


def load(language: str) -> None:
    """Load a lexer and compile its expressions, so that the first code of a language costs no more than others."""
    _colour("x\n", language, ColourBudget(MAX_CPU_S))


def colour_lines(lines: Sequence[str], language: str | None, budget: ColourBudget) -> list[str]:
    """Return the lines of a text as HTML, one for one.

    Args:
        lines: without line feeds.
    """
    return colour("\n".join(lines), language, budget).split("\n") if lines else []


def _colour(code: str, language: str, budget: ColourBudget) -> str:
    return _Reading(code, language).go_on(budget)


class _Reading:
    """A text on its way through a lexer, which stops when the time of a response is spent; used by one thread."""

    def __init__(self, code: str, language: str) -> None:
        _lexer(language)  # loading it, once in a process, costs this text nothing
        self._code = code
        self._tokens = _tokens(code[:MAX_CODE], language)
        self._pieces = list[str]()
        self._class, self._text = "", list[str]()
        self._done = 0
        self._left_s = MAX_CPU_S
        self.is_finished = False

    def go_on(self, budget: ColourBudget) -> str:
        """Return the text with colours as far as the budget allows.

        A text that has taken :data:`MAX_CPU_S` in all is finished as it is, so that no response tries again.
        """
        left_s = budget.left_s
        for class_, token in budget.within(self._tokens):
            if class_ != self._class:
                self._pieces.append(_element(self._class, "".join(self._text)))
                self._class, self._text = class_, []
            self._text.append(token)
            self._done += len(token)
        self._left_s -= left_s - budget.left_s
        self.is_finished = not budget.is_spent or self._left_s <= 0
        last = _element(self._class, "".join(self._text))
        return "".join((*self._pieces, last, html.escape(self._code[self._done :])))


class _Readings:
    """Texts that responses had no time left for, at most :data:`MAX_READINGS`; thread-safe."""

    MAX_READINGS = 64

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Reading] = OrderedDict()
        self._guard = threading.Lock()

    def take(self, key: bytes) -> _Reading | None:
        """Remove an unfinished text from the memory and return it; None if it is not there."""
        with self._guard:
            return self._kept.pop(key, None)

    def put(self, key: bytes, reading: _Reading) -> None:
        """Keep a text for the next response that shows it."""
        with self._guard:
            self._kept[key] = reading
            if len(self._kept) > self.MAX_READINGS:
                self._kept.popitem(last=False)


_UNFINISHED = _Readings()


def _element(class_: str, text: str) -> str:
    """Return a piece of code in elements of a class, one for each line that it touches."""
    escaped = html.escape(text)
    if not class_:
        return escaped
    return "\n".join(f'<span class="{class_}">{line}</span>' if line else "" for line in escaped.split("\n"))


def _tokens(code: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a code with their classes; together they are the code, without gaps."""
    done = 0
    for start, kind, text in _lexed(code, language):
        if start < done:  # a lexer that looks into a token of another has said this text already
            continue
        if start > done:
            yield "", code[done:start]
        end = start + len(text)
        yield _class_of(kind), code[start:end]
        done = end


def _lexed(code: str, language: str) -> Iterator[tuple[int, Any, str]]:
    """Yield position, type and text of each token, with the lexer confined to slices of the code."""
    from pygments.lexer import ExtendedRegexLexer, LexerContext, RegexLexer
    from pygments.lexers.data import YamlLexer, YamlLexerContext

    lexer = _lexer(language)
    if not isinstance(lexer, RegexLexer):
        yield from lexer.get_tokens_unprocessed(code)  # JSON: written by hand, linear
        return
    is_yaml = isinstance(lexer, YamlLexer)
    context = (YamlLexerContext if is_yaml else LexerContext)(code, 0)
    for end in _slices(code):
        context.end = end
        yield from ExtendedRegexLexer.get_tokens_unprocessed(lexer, context=context)


def _slices(code: str) -> Iterator[int]:
    """Yield the ends of the slices of a code: after an empty line if possible, or after a line."""
    start, size = 0, len(code)
    while size - start > MAX_SLICE:
        middle, most = start + MAX_SLICE // 2, start + MAX_SLICE
        cut = max(code.rfind("\n\n", middle, most) + 2, 2)
        if cut == 2:
            cut = max(code.rfind("\n", start, most) + 1, 0) or most
        start = cut if cut > start else most
        yield start
    yield size


@functools.cache
def _lexer(language: str) -> Any:  # noqa: ANN401 - Pygments has no annotations
    """Return a lexer; imported for the first code only, because it takes some megabytes."""
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language)


@functools.cache
def _class_of(kind: tuple[str, ...]) -> str:
    """Return the class of a type of tokens, which Pygments writes as a tuple of names."""
    for length in range(len(kind), 0, -1):
        found = _CLASS_OF.get(".".join(kind[:length]))
        if found is not None:
            return found
    return ""
