"""What of a checkout's free-form extras may be kept in clear, as evidence for matching.

Sellers put anything into metadata, the buyer's name and tax number too. Tracking is stored unhashed, so those
stay out.
"""

import re
from collections.abc import Mapping

MAX_ENTRIES = 100

_PERSONAL = """
    email mail e-mail customer_email buyer_email phone phone_number customer_phone telefone celular whatsapp
    name nome full_name first_name last_name customer_name buyer_name nome_completo sobrenome
    cpf cnpj document documento tax_id rg address endereco street rua cep zip zipcode postal_code
    birthdate birth_date nascimento data_nascimento ip ip_address
"""
PERSONAL_KEYS = frozenset(_PERSONAL.split())
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")


def keep_tracking(found: Mapping[str, str]) -> dict[str, str]:
    """The entries that are not about a person, each value as it was, the first 100 of them."""
    kept = {name: value for name, value in found.items() if not _is_personal(name, value)}
    return dict(list(kept.items())[:MAX_ENTRIES])


def _is_personal(name: str, value: str) -> bool:
    return name.casefold() in PERSONAL_KEYS or _EMAIL.search(value) is not None
