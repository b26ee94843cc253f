"""Code as HTML with colours: escaped text in ``span`` elements of a few classes, which the stylesheet colours.

The lexers are those of Pygments. A regular expression cannot be interrupted, so its work is bounded by what it is
given: a lexer sees one slice of the text at a time, and keeps its state for the next. After
:data:`MAX_CODE` characters of a text, or after the CPU time of a :class:`ColourBudget`, the rest stays plain.
A text for which a response had no time left is read again by a thread, and has all its colours the next time.
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

RESPONSE_CPU_S = 0.008
"""CPU seconds that colours may take for one response: those of about 6 kB of code."""

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
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self._left_s <= 0

    def within(self, tokens: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield tokens until the time is spent."""
        begun_s = time.thread_time()
        end_s = begun_s + self._left_s
        try:
            for number, token in enumerate(tokens):
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
    the budget had no time for is coloured later, outside the request.
    """
    if language is None:
        return html.escape(code)
    key = key_of(language, code)
    found = _CACHE.find(key)
    if found is None:
        found = html.escape(code) if budget.is_spent else _colour(code, language, budget)
        if budget.is_spent:
            _LATER.add(code, language)
        else:
            _CACHE.keep(key, found)
    return found


def load(language: str) -> None:
    """Load a lexer and compile its expressions, so that the first code of a language costs no more than others."""
    _colour("x\n", language, ColourBudget(MAX_CPU_S))


class _LaterColours:
    """Texts that wait for their colours, at most :data:`MOST` of them; a thread reads them as long as there are any."""

    MOST = 64

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, code: str, language: str) -> None:
        """Let a thread colour a text, unless it waits already or too many do."""
        with self._guard:
            if len(self._waiting) < self.MOST:
                self._waiting.setdefault(key_of(language, code), (code, language))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="code-colours", daemon=True)
                self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until no text waits; return whether that is so."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return self._thread is None

    def _work(self) -> None:
        while (text := self._next()) is not None:
            key, code, language = text
            # A text that takes too long even here is kept as it is then, so that no response tries again.
            _CACHE.keep(key, _colour(code, language, ColourBudget(MAX_CPU_S)))

    def _next(self) -> tuple[bytes, str, str] | None:
        with self._guard:
            if not self._waiting:
                self._thread = None
                return None
            key, (code, language) = self._waiting.popitem(last=False)
            return key, code, language


_LATER = _LaterColours()


def colour_lines(lines: Sequence[str], language: str | None, budget: ColourBudget) -> list[str]:
    """Return the lines of a text as HTML, one for one.

    Args:
        lines: without line feeds.
    """
    return colour("\n".join(lines), language, budget).split("\n") if lines else []


def _colour(code: str, language: str, budget: ColourBudget) -> str:
    _lexer(language)  # loading it, once in a process, costs this text nothing
    pieces, done = list[str](), 0
    open_class, text = "", list[str]()
    for class_, token in budget.within(_tokens(code[:MAX_CODE], language)):
        if class_ != open_class:
            pieces.append(_element(open_class, "".join(text)))
            open_class, text = class_, []
        text.append(token)
        done += len(token)
    pieces.append(_element(open_class, "".join(text)))
    return "".join(pieces) + html.escape(code[done:])


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
