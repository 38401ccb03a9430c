"""Every sentence has its translation: the sources, the readable .po and the compiled .mo agree.

Nothing here needs the gettext programs. A .po file is a row of paragraphs; a .mo file says at byte 8, in four
little-endian bytes, how many messages it holds, its header among them.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from gettext import GNUTranslations
from pathlib import Path

import pytest

from tests.architecture.figures import CODE, ROOT, Module, read_modules

FOLDER = ROOT / "locale" / "pt_BR" / "LC_MESSAGES"
# How many of the first arguments are messages.
READERS = {"gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}

_FIELD = re.compile(r'^(msg\w+(?:\[\d\])?) ((?:".*"\n?)+)', re.MULTILINE)
_PLACEHOLDER = re.compile(r"%(?:%|\(\w+\)[\d.]*[a-z])?")
_EDGES = re.compile(r"\A\s*|\s*\Z")
_TAG = re.compile(r"""(?:\{%\s*trans(?:late)?\s+|\b_\()(?P<quote>["'])(?P<text>.*?)(?P=quote)""")
_BLOCK = re.compile(r"\{%\s*blocktrans(?:late)?\b(?P<options>.*?)%\}(?P<text>.*?)\{%\s*end", re.DOTALL)
_PLURAL = re.compile(r"\{%\s*plural\s*%\}")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a catalogue; `plural` is empty where there is one form; one answer a form."""

    message: str
    plural: str
    answers: tuple[str, ...]
    flags: frozenset[str]


def _parse(text: str) -> list[Entry]:
    paragraphs = text.split("\n\n")
    return [_parse_entry(paragraph) for paragraph in paragraphs if re.search("^msgid ", paragraph, re.M)]


def _parse_entry(paragraph: str) -> Entry:
    fields = {name: _unquote(lines) for name, lines in _FIELD.findall(paragraph)}
    flags = [flag.strip() for line in re.findall("^#,(.*)", paragraph, re.M) for flag in line.split(",")]
    answers = tuple(text for name, text in fields.items() if name.startswith("msgstr"))
    return Entry(fields["msgid"], fields.get("msgid_plural", ""), answers, frozenset(flags))


def _unquote(lines: str) -> str:
    return "".join(ast.literal_eval(line) for line in lines.splitlines())


def _read_python(module: Module) -> Iterator[tuple[int, str]]:
    """Line and message of each gettext call; a message that is no literal comes as an empty one."""
    names = _imported_names(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (name := names.get(getattr(node.func, "id", ""))):
            for argument in node.args[: READERS[name]]:
                yield node.lineno, str(getattr(argument, "value", ""))


def _imported_names(module: Module) -> dict[str, str]:
    """What this module calls each gettext function that it imports."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if "gettext" in alias.name
    }


def _read_template(source: str) -> Iterator[tuple[int, str]]:
    for tag in _TAG.finditer(source):
        yield _line(source, tag.start()), tag["text"].replace("%", "%%")
    for block in _BLOCK.finditer(source):
        for form in _PLURAL.split(block["text"]):
            text = _VARIABLE.sub(r"%(\1)s", form.replace("%", "%%"))
            trimmed = " ".join(line.strip() for line in text.strip().splitlines())
            yield _line(source, block.start()), trimmed if "trimmed" in block["options"].split() else text


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


def _templates() -> list[Path]:
    return sorted(path for folder in (*CODE, "templates") for path in (ROOT / folder).rglob("*.html"))


MODULES = read_modules(*CODE)
HEADER, *ENTRIES = _parse((FOLDER / "django.po").read_text(encoding="utf-8"))
KNOWN = {text for entry in ENTRIES for text in (entry.message, entry.plural) if text}


def test_there_is_a_catalogue() -> None:
    assert len(ENTRIES) > 400
    assert len({entry.message for entry in ENTRIES}) == len(ENTRIES)


def test_the_header_tells_encoding_language_and_plurals() -> None:
    fields = dict(line.split(": ", 1) for line in HEADER.answers[0].splitlines())

    assert HEADER.message == ""
    assert HEADER.flags == frozenset()
    assert fields["Content-Type"] == "text/plain; charset=UTF-8"
    assert fields["Language"] == "pt_BR"
    assert fields["Plural-Forms"] == "nplurals=2; plural=(n > 1);"


def test_every_message_has_a_translation() -> None:
    assert [entry.message for entry in ENTRIES if not all(answer.strip() for answer in entry.answers)] == []
    assert [entry.message for entry in ENTRIES if len(entry.answers) != (2 if entry.plural else 1)] == []


def test_no_translation_is_a_guess() -> None:
    assert [entry.message for entry in ENTRIES if "fuzzy" in entry.flags] == []


def test_a_translation_has_the_placeholders_of_its_message() -> None:
    wrong = [
        f"{entry.message} -> {answer}"
        for entry in ENTRIES
        for answer in entry.answers
        if set(_PLACEHOLDER.findall(answer)) != set(_PLACEHOLDER.findall(entry.message + entry.plural))
    ]

    assert any(_PLACEHOLDER.search(entry.message) for entry in ENTRIES)
    assert wrong == []


def test_a_translation_begins_and_ends_with_the_blanks_of_its_message() -> None:
    wrong = [
        entry.message
        for entry in ENTRIES
        for answer in entry.answers
        if _EDGES.findall(answer) != _EDGES.findall(entry.message)
    ]

    assert wrong == []


def test_the_compiled_catalogue_says_what_the_readable_one_says() -> None:
    compiled = FOLDER / "django.mo"
    with compiled.open("rb") as file:
        translations = GNUTranslations(file)

    different = [entry.message for entry in ENTRIES if _ask(translations, entry) != entry.answers]

    assert different == [], "run: python manage.py compilemessages -l pt_BR --ignore '.venv/*'"
    assert int.from_bytes(compiled.read_bytes()[8:12], "little") == len(ENTRIES) + 1
    assert translations.info()["plural-forms"] == "nplurals=2; plural=(n > 1);"


def _ask(translations: GNUTranslations, entry: Entry) -> tuple[str, ...]:
    if not entry.plural:
        return (translations.gettext(entry.message),)
    return tuple(translations.ngettext(entry.message, entry.plural, number) for number in (1, 2))


def test_every_gettext_function_in_use_is_read_here() -> None:
    foreign = [f"{module.where} {name}" for module in MODULES for name in _imported_names(module).values()]

    assert foreign
    assert [name for name in foreign if name.split()[1] not in READERS] == []


def test_every_message_of_the_code_is_in_the_catalogue() -> None:
    said = [(f"{module.where}:{line}", text) for module in MODULES for line, text in _read_python(module)]

    assert len(said) > 300
    assert [f"{where} {text}" for where, text in said if text not in KNOWN] == []


def test_every_message_of_the_templates_is_in_the_catalogue() -> None:
    said = [
        (f"{path.relative_to(ROOT)}:{line}", text)
        for path in _templates()
        for line, text in _read_template(path.read_text(encoding="utf-8"))
    ]

    assert len(said) > 40
    assert [f"{where} {text}" for where, text in said if text not in KNOWN] == []


def test_reading_a_catalogue() -> None:
    text = (
        'msgid ""\nmsgstr "Language: pt_BR\\n"\n\n'
        '#, fuzzy, python-format\nmsgid ""\n"%(n)s \\"click\\" "\n"\\n"\nmsgid_plural "%(n)s clicks"\n'
        'msgstr[0] "%(n)s clique"\nmsgstr[1] ""\n"%(n)s "\n"cliques"\n\n'
        '#~ msgid "gone"\n#~ msgstr "sumiu"\n'
    )

    assert _parse(text) == [
        Entry("", "", ("Language: pt_BR\n",), frozenset()),
        Entry(
            '%(n)s "click" \n',
            "%(n)s clicks",
            ("%(n)s clique", "%(n)s cliques"),
            frozenset({"fuzzy", "python-format"}),
        ),
    ]


def test_reading_the_messages_of_a_module() -> None:
    source = (
        "from django.utils.translation import gettext as _, ngettext\n"
        "_('one ' 'sentence')\n"
        "ngettext('%(n)d sale', '%(n)d sales', n)\n"
        "print('not said')\n"
        "_(f'{n} sales')\n"
    )

    said = sorted(_read_python(Module(ROOT / "x.py", source)))

    assert said == [(2, "one sentence"), (3, "%(n)d sale"), (3, "%(n)d sales"), (5, "")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{% load i18n %}\n<p>{% translate "It\'s 5 %" as title %}</p>', [(2, "It's 5 %%")]),
        ("{% trans 'Copy' %}{{ _(\"Copied\") }}", [(1, "Copy"), (1, "Copied")]),
        ("{% blocktranslate with n=a.b %}Page {{ n }}{% endblocktranslate %}", [(1, "Page %(n)s")]),
        (
            "{% blocktrans count n=x %}{{ n }} sale{% plural %}{{ n }} sales{% endblocktrans %}",
            [(1, "%(n)s sale"), (1, "%(n)s sales")],
        ),
        ("{% blocktranslate trimmed %}\n  One\n  sentence\n{% endblocktranslate %}", [(1, "One sentence")]),
        ("<p>{{ translated }}</p>", []),
    ],
)
def test_reading_the_messages_of_a_template(source: str, said: list[tuple[int, str]]) -> None:
    assert list(_read_template(source)) == said


@pytest.mark.parametrize(
    ("text", "placeholders"),
    [
        ("%(days).1f of %(window)d", ["%(days).1f", "%(window)d"]),
        ("%(share)d %%", ["%(share)d", "%%"]),
        ("%(share)d% of", ["%(share)d", "%"]),
        ("nothing", []),
    ],
)
def test_reading_placeholders(text: str, placeholders: list[str]) -> None:
    assert _PLACEHOLDER.findall(text) == placeholders
