"""How PerfectPay says the price of a sale is shared."""

from dataclasses import dataclass
from decimal import Decimal

from apps.gateways.payload import Payload
from apps.gateways.perfectpay import tables


@dataclass(frozen=True, slots=True)
class Shares:
    """In the sale's currency; None where `commission` has no entry for it."""

    net_amount: Decimal | None = None
    gateway_fee: Decimal | None = None
    producer_commission: Decimal | None = None


def read_shares(payload: Payload, currency: str) -> Shares:
    """Nothing at all if an entry names another currency: PerfectPay's own entry names none."""
    entries = list(payload.items("commission"))
    if any((entry.maybe_currency("currency_enum_key") or currency) != currency for entry in entries):
        return Shares()
    return Shares(
        net_amount=_sum_where(entries, "affiliation_code", payload.maybe_identifier("webhook_owner")),
        gateway_fee=_sum_where(entries, "affiliation_type_enum", tables.PERFECT_PAY),
        producer_commission=_sum_where(entries, "affiliation_type_enum", tables.PRODUCER),
    )


def _sum_where(entries: list[Payload], path: str, wanted: str | None) -> Decimal | None:
    found = [entry.money("commission_amount") for entry in entries if wanted and entry.maybe_identifier(path) == wanted]
    return sum(found, Decimal(0)) if found else None
