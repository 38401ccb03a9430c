"""What a gateway's export says, however it was saved, and what a hostile one cannot do."""

import csv
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.ledger.export import MAX_LINES, Export, NotAnExport, TooManyLines, Why, normal, read_export
from apps.dispatch.ledger.export_money import common_mark, read_written, to_decimal
from apps.dispatch.ledger.export_words import Standing

PORTUGUESE = """Código da transação;Status da transação;Moeda de compra;Produto;Valor de compra com impostos
HP1;Aprovado;BRL;Confeitaria;1.234,56
HP2;Cancelado;BRL;Confeitaria;10,00
HP3;Reembolsado;USD;Confeitaria;9,90
"""
ENGLISH = (
    """order_id,amount,currency,status\nHP1,"1,234.56",brl,approved\nHP2,10.00,BRL,canceled\nHP3,9.9,USD,Refunded\n"""
)
READ = [
    ("HP1", Decimal("1234.560"), "BRL", Standing.PAID),
    ("HP2", Decimal("10.000"), "BRL", Standing.OPEN),
    ("HP3", Decimal("9.900"), "USD", Standing.REVERSED),
]


def orders(export: Export) -> list[tuple[str, Decimal, str, Standing]]:
    return [(row.order_id, row.amount, row.currency, row.standing) for row in export.orders]


def read(text: str) -> Export:
    return read_export(text.encode())


def lines(export: Export) -> list[tuple[int, Why]]:
    return [(item.line, item.why) for item in export.unreadable]


@pytest.mark.parametrize("text", [PORTUGUESE, ENGLISH])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_each_way_to_save_it_says_the_same(text: str, encoding: str, line_end: str) -> None:
    export = read_export(text.replace("\n", line_end).encode(encoding))

    assert (orders(export), export.unreadable) == (READ, [])


def test_tabs_separate_too() -> None:
    assert orders(read(PORTUGUESE.replace(";", "\t"))) == READ


def test_titles_above_the_header_and_empty_lines_are_passed_over() -> None:
    export = read(f"Relatório de vendas\n\nPeríodo;01/11 a 30/11\n{PORTUGUESE}\n;;;;\n\n")

    assert (orders(export), export.unreadable) == (READ, [])


def test_lines_are_counted_as_an_editor_does() -> None:
    export = read("Vendas\n\npedido;valor\nHP1;x\nHP2;2,00\n;3,00\n")

    assert [row.line for row in export.orders] == [5]
    assert lines(export) == [(4, Why.NO_AMOUNT), (6, Why.NO_ORDER)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("transaction;total", "HP1;5,00"),
        ("Transaction ID,Total Amount", "HP1,5.00"),
        ("Número do pedido;Valor (R$)", "HP1;5,00"),
        ("Comissão;Valor da comissão;Pedido;Valor líquido;Valor pago", "1,00;2,00;HP1;3,00;5,00"),
        ("Valor do frete;Preço;ID da venda", "1,00;5,00;HP1"),
        ("  PEDIDO  ;  VALOR  ", "  HP1  ;  5,00  "),
    ],
)
def test_columns_are_found_by_their_words(header: str, row: str) -> None:
    (found,) = read(f"{header}\n{row}\n").orders

    assert (found.order_id, found.amount, found.currency, found.standing) == ("HP1", Decimal(5), "", Standing.PAID)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n\n",
        b"nome;e-mail\nBeatriz;beatriz@example.com\n",
        b"pedido;produto\nHP1;Confeitaria\n",
        b"<!doctype html><html><body>pedido</body></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        b"PK\x03\x04" + b"\x00" * 1000,
        b"\xff\xfe\x00\xd8",
        ("\n" * 20 + ENGLISH).encode(),
        b"\x00" * 100,
        b"pedido;valor" + b";x" * 10_000,
    ],
)
def test_what_is_no_export_is_refused_as_a_whole(raw: bytes) -> None:
    with pytest.raises(NotAnExport):
        read_export(raw)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("HP1;", Why.NO_AMOUNT),
        ("HP1;grátis", Why.NO_AMOUNT),
        ("HP1;1e400", Why.NO_AMOUNT),
        ("HP1;NaN", Why.NO_AMOUNT),
        ("HP1;=1+1", Why.NO_AMOUNT),
        ("HP1;１２,00", Why.NO_AMOUNT),
        ("HP1;1.2.3,00", Why.NO_AMOUNT),
        ("HP1;" + "9" * 16, Why.NO_AMOUNT),
        ("HP1;HP2", Why.NO_AMOUNT),
        ("HP1", Why.NO_AMOUNT),
        ("HP1;-5,00", Why.NEGATIVE),
        ("HP1;(5,00)", Why.NEGATIVE),
        ("HP1;R$ -5,00", Why.NEGATIVE),
        ("HP1;-R$ 5,00", Why.NEGATIVE),
        (";5,00", Why.NO_ORDER),
        ('="";5,00', Why.NO_ORDER),
        ("H" * 201 + ";5,00", Why.NO_ORDER),
        ("HP\x001;5,00", Why.NUL),
        ('HP1;"5,00', Why.QUOTES),
        ('HP1;"5,00"x', Why.MALFORMED),
        ("HP1;" + "5" * 140_000, Why.NO_AMOUNT),
        ('HP1;"' + "5" * 140_000 + '"', Why.MALFORMED),
        ("Pedido;Valor", Why.HEADER),
    ],
)
def test_a_line_that_says_nothing_is_named_and_hides_no_other(cells: str, why: Why) -> None:
    export = read(f"pedido;valor\nFIRST;1,00\n{cells}\nLAST;2,00\n")

    assert [row.order_id for row in export.orders] == ["FIRST", "LAST"]
    assert lines(export) == [(3, why)]


def test_a_quote_that_is_never_closed_costs_one_line_of_many() -> None:
    text = "pedido;valor;nota\n" + "".join(f"HP{number};1,00;x\n" for number in range(100))

    export = read(text.replace("HP50;1,00;x", 'HP50;1,00;"x'))

    assert len(export.orders) == 99
    assert lines(export) == [(52, Why.QUOTES)]


def test_a_cell_with_line_ends_is_one_cell() -> None:
    export = read('pedido;nota;valor\nHP1;"Rua das Flores\nnº 10\nfundos";5,00\nHP2;Curso 5" de tela;6,00\n')

    assert [(row.line, row.order_id, row.amount) for row in export.orders] == [
        (2, "HP1", Decimal(5)),
        (5, "HP2", Decimal(6)),
    ]
    assert export.unreadable == []


def test_an_order_counts_once_and_its_repeat_is_named() -> None:
    export = read("pedido;valor\nHP1;1,00\nHP1;2,00\n")

    assert [(row.order_id, row.amount) for row in export.orders] == [("HP1", Decimal(1))]
    assert lines(export) == [(3, Why.REPEATED)]


@pytest.mark.parametrize("cell", ['="0012"', '"=""0012"""', "'0012"])
def test_an_id_that_was_kept_from_being_a_number_is_the_id(cell: str) -> None:
    (found,) = read(f"pedido;valor\n{cell};1,00\n").orders

    assert found.order_id == "0012"


def test_a_formula_is_an_id_like_any_other() -> None:
    (found,) = read('pedido;valor\n"=HYPERLINK(""http://evil.example.com"")";1,00\n').orders

    assert found.order_id == '=HYPERLINK("http://evil.example.com")'


@pytest.mark.parametrize(
    ("word", "standing"),
    [
        ("Aprovado", Standing.PAID),
        ("COMPLETO", Standing.PAID),
        ("Pagamento confirmado", Standing.PAID),
        ("paid", Standing.PAID),
        ("Parcialmente reembolsado", Standing.PAID),
        ("Aguardando pagamento", Standing.OPEN),
        ("Não pago", Standing.OPEN),
        ("unpaid", Standing.OPEN),
        ("Boleto impresso", Standing.OPEN),
        ("Expirada", Standing.OPEN),
        ("declined", Standing.OPEN),
        ("Reembolsada", Standing.REVERSED),
        ("Chargeback", Standing.REVERSED),
        ("charged_back", Standing.REVERSED),
        ("Em disputa", Standing.DISPUTED),
    ],
)
def test_statuses_are_read_in_both_languages(word: str, standing: Standing) -> None:
    (found,) = read(f"pedido;valor;status\nHP1;1,00;{word}\n").orders

    assert found.standing is standing


@pytest.mark.parametrize("word", ["", "zzz", "42", "aprovadíssimo"])
def test_a_status_that_nobody_knows_is_not_guessed(word: str) -> None:
    assert lines(read(f"pedido;valor;status\nHP1;1,00;{word}\n")) == [(2, Why.STATUS)]


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("R$", "1,00", "BRL"),
        ("usd", "1,00", "USD"),
        ("", "R$ 1,00", "BRL"),
        ("", "US$ 1.00", "USD"),
        ("", "1,00 EUR", "EUR"),
        ("", "€1,00", "EUR"),
        ("", "1,00", ""),
        ("MXN", "R$ 1,00", "MXN"),
    ],
)
def test_the_currency_is_the_columns_or_the_amounts_own(cell: str, amount: str, currency: str) -> None:
    (found,) = read(f"pedido;valor;moeda\nHP1;{amount};{cell}\n").orders

    assert (found.amount, found.currency) == (Decimal(1), currency)


@pytest.mark.parametrize("cell", ["BRLL", "real", "XXX", "R"])
def test_a_currency_that_is_none_is_named(cell: str) -> None:
    assert lines(read(f"pedido;valor;moeda\nHP1;1,00;{cell}\n")) == [(2, Why.CURRENCY)]


@pytest.mark.parametrize(
    ("clear", "amount"),
    [
        ("10,50", Decimal(1234)),
        ("10.50", Decimal("1.234")),
        ("1.234.567", Decimal(1234)),
        ("1,234,567", Decimal("1.234")),
    ],
)
def test_the_other_amounts_say_what_a_lone_mark_means(clear: str, amount: Decimal) -> None:
    export = read(f"pedido;valor\nHP1;1.234\nHP2;{clear}\n")

    assert export.orders[0].amount == amount


@pytest.mark.parametrize("others", ["", "HP2;10\n", "HP2;10,50\nHP3;10.50\n"])
def test_where_nothing_says_it_nothing_is_guessed(others: str) -> None:
    export = read(f"pedido;valor\nHP1;1.234\n{others}")

    assert lines(export) == [(2, Why.AMBIGUOUS)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1234", "1234"),
        ("0,5", "0.5"),
        ("0.125", "0.125"),
        ("1234.567", "1234.567"),
        ("1.234.567,89", "1234567.89"),
        ("1,234,567.89", "1234567.89"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("10.9999", "11.000"),
        ("12.34.567", None),
        ("1,23,4.5", None),
        ("1.234,", None),
        (",5", None),
    ],
)
def test_amounts_that_are_clear_by_themselves(cell: str, value: str | None) -> None:
    written = read_written(cell)

    assert (to_decimal(written, None) if written else None) == (Decimal(value) if value else None)


def test_marks_that_do_not_agree_say_nothing() -> None:
    written = [read_written(cell) for cell in ("1,50", "1.50", "7")]

    assert common_mark(item for item in written if item) is None
    assert common_mark(item for item in written[::2] if item) == ","


@given(st.decimals(min_value=0, max_value=10**12, places=2), st.booleans())
def test_what_is_written_with_grouping_is_read_back(amount: Decimal, is_brazilian: bool) -> None:
    text = f"{amount:,.2f}"
    if is_brazilian:
        text = text.translate(str.maketrans(",.", ".,"))

    written = read_written(f"R$ {text}")

    assert written is not None
    assert to_decimal(written, None) == amount


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    export = read_export(b"pedido;valor\nHP1;1,00\n" + raw)

    assert (export.orders[0].order_id, export.orders[0].amount) == ("HP1", Decimal(1))


@given(st.text(max_size=200))
def test_any_text_after_a_good_line_leaves_that_line(text: str) -> None:
    export = read_export(f"pedido;valor\nHP1;1,00\n{text}".encode(errors="replace"))

    assert export.orders[0].order_id == "HP1"


def test_a_hundred_thousand_lines_are_read() -> None:
    raw = ("pedido;valor\n" + "".join(f"HP{number};1,00\n" for number in range(100_000))).encode()

    export = read_export(raw)

    assert (len(export.orders), export.unreadable) == (100_000, [])


def test_a_quotation_mark_in_every_line_costs_no_more_than_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is never closed is looked for in the lines after it: in some thousand of them, not in all."""
    parsed: list[int] = []
    real = csv.reader

    def count(chunk: list[str], **options: Any) -> Any:
        parsed.append(chunk[0].count("\n") + 1)
        return real(chunk, **options)

    monkeypatch.setattr("apps.dispatch.ledger.export.csv.reader", count)

    export = read("pedido;valor\n" + 'HP1;1,00;"a";b"c\n' * 10 + 'HP1;"1,00\n' * 10_001)

    assert len(export.unreadable) > 9_000
    assert sum(parsed) < 60_000


def test_more_lines_than_one_is_willing_to_read_are_refused() -> None:
    raw = b"pedido;valor\n" + b"HP1;1,00\n" * 5

    assert len(read_export(raw, max_lines=7).orders) == 1
    with pytest.raises(TooManyLines):
        read_export(raw, max_lines=6)
    with pytest.raises(TooManyLines):
        read_export(b"\n" * MAX_LINES)


def test_words_lose_accents_and_punctuation() -> None:
    assert normal("  Código_da-TRANSAÇÃO (nº) ") == "codigo da transacao no"
