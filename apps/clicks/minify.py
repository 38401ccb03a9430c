"""The browser's files, made small: comments and blanks out, names of their own shortened, spare signs left out.

A name is shortened wherever it stands, and only if no member (`.name`, `name:`) and no text holds it too. That is sound
for scripts without the shorthand `{name}`, which is how the files in `browser/` are written; they are tested as served.
"""

import re
import string
from collections import Counter
from collections.abc import Iterator
from itertools import product

import rjsmin  # type: ignore[import-untyped]

_TEXT = re.compile(r'"[^"\n]*"|' + r"'[^'\n]*'")
_WORD = re.compile(r"[\w$]+")
_DECLARED = re.compile(r"(?:const|let) (\w+)|\(((?:\w+,)*\w+)\)=>")
_MEMBER = re.compile(r"(?<!\.\.)\.(\w+)|[{,](\w+):")
# Without them it says the same: `const` where nothing is assigned twice, brackets around the one name an arrow takes.
_SPARE = ((r"[;,]\}", "}"), (r"\bconst\b(?=[ \[{])", "let"), (r"(?<![\w$])\((\w+)\)=>", r"\1=>"))


def minify(source: str) -> str:
    small: str = rjsmin.jsmin(source)
    short = _short_names(small)
    small = _WORD.sub(lambda word: short.get(word[0], word[0]), small)
    for spare, less in _SPARE:
        small = re.sub(spare, less, small)
    return small


def _short_names(small: str) -> dict[str, str]:
    """The shortest names to those that occur most."""
    taken = {word for found in _MEMBER.findall(small) for word in found}
    taken |= {word for text in _TEXT.findall(small) for word in _WORD.findall(text)}
    declared = {name for found in _DECLARED.findall(small) for names in found for name in names.split(",") if name}
    counts = Counter(_WORD.findall(small))
    free = (name for name in _candidates() if name not in counts)
    ordered = sorted(declared - taken, key=lambda name: (-counts[name], name))
    return {name: next(free) for name in ordered if len(name) > 2}


def _candidates() -> Iterator[str]:
    for length in (1, 2):
        yield from map("".join, product(string.ascii_letters, repeat=length))
