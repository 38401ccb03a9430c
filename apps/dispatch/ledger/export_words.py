"""What gateways call the columns and statuses of their exports, in Portuguese and English. Pure tables.

Words are in lower case, without accents, with single blanks in place of all punctuation (export.normal).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class Column(StrEnum):
    """What a column of an export can be to us."""

    ORDER = "order"
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATUS = "status"


# The first that a header has, the most telling first; a cell that begins with one will do if none is exactly it.
COLUMN_WORDS: Mapping[Column, Sequence[str]] = {
    Column.ORDER: (
        *("codigo da transacao", "id da transacao", "transaction code", "transaction id", "transacao", "transaction"),
        *("order id", "order number", "codigo do pedido", "numero do pedido", "id do pedido", "pedido", "order"),
        *("codigo da venda", "id da venda", "sale id", "sale code", "chave da venda", "payment id", "charge id"),
    ),
    Column.AMOUNT: (
        *("valor total", "preco total", "valor da compra", "valor de compra com impostos", "valor da venda"),
        *("valor da transacao", "valor bruto", "valor pago", "valor", "amount", "total amount", "gross amount"),
        *("total price", "total", "price", "preco", "faturamento bruto"),
    ),
    Column.CURRENCY: ("moeda de compra", "moeda da compra", "moeda", "purchase currency", "currency code", "currency"),
    Column.STATUS: (
        *("status da transacao", "status da venda", "status do pedido", "status do pagamento", "transaction status"),
        *("order status", "payment status", "sale status", "status", "situacao"),
    ),
}
# A cell that begins like an amount and names one of these is another sum.
OTHER_SUMS = frozenset(
    (
        *("comissao", "commission", "taxa", "fee", "fees", "frete", "shipping", "liquido", "net", "desconto"),
        *("discount", "imposto", "tax", "parcela"),
    )
)


class Standing(StrEnum):
    """How far an order has come, as both sides can say it. A dispute that is not over contradicts nothing."""

    OPEN = "open"
    PAID = "paid"
    DISPUTED = "disputed"
    REVERSED = "reversed"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A status is read word by word. The first row that names one of its words decides.
STATUS_WORDS: Sequence[tuple[frozenset[str], Standing]] = (
    (_words("parcial parcialmente partial partially"), Standing.PAID),
    (
        _words("nao not unpaid pendente pending aguardando waiting iniciada started analise processing processando"),
        Standing.OPEN,
    ),
    (
        _words("reembolsado reembolsada reembolso refunded refund estornado estornada devolvido devolvida chargeback"),
        Standing.REVERSED,
    ),
    (_words("chargedback back reversed med"), Standing.REVERSED),
    (_words("disputa disputada dispute disputed protesto protestada reclamado reclamada claimed"), Standing.DISPUTED),
    (
        _words(
            "cancelado cancelada canceled cancelled recusado recusada refused declined failed falhou expirado expirada "
            "expired vencido vencida overdue abandonado abandonada abandoned impresso printed gerado gerada atrasado"
        ),
        Standing.OPEN,
    ),
    (
        _words(
            "aprovado aprovada approved pago paga paid completo completa complete completed concluido concluida "
            "finalizado finalizada confirmado confirmada confirmed succeeded autorizado autorizada captured"
        ),
        Standing.PAID,
    ),
)
SYMBOLS: Mapping[str, str] = {"R$": "BRL", "US$": "USD", "U$": "USD", "€": "EUR", "£": "GBP"}
