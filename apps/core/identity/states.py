"""Names of the federal units of Brazil and of the states of the USA, and their two letters.

Keys are unaccented lower-case letters without spaces. No name is in both tables, so a state whose country is
unknown may be looked up in either.
"""

from apps.core.identity.text import fold_accents, keep_letters

_BRAZIL = """
ac Acre/al Alagoas/am Amazonas/ap Amapá/ba Bahia/ce Ceará/df Distrito Federal/es Espírito Santo/go Goiás/
ma Maranhão/mg Minas Gerais/ms Mato Grosso do Sul/mt Mato Grosso/pa Pará/pb Paraíba/pe Pernambuco/pi Piauí/
pr Paraná/rj Rio de Janeiro/rn Rio Grande do Norte/ro Rondônia/rr Roraima/rs Rio Grande do Sul/
sc Santa Catarina/se Sergipe/sp São Paulo/to Tocantins
"""

_USA = """
ak Alaska/al Alabama/ar Arkansas/az Arizona/ca California/co Colorado/ct Connecticut/dc District of Columbia/
de Delaware/fl Florida/ga Georgia/hi Hawaii/ia Iowa/id Idaho/il Illinois/in Indiana/ks Kansas/ky Kentucky/
la Louisiana/ma Massachusetts/md Maryland/me Maine/mi Michigan/mn Minnesota/mo Missouri/ms Mississippi/
mt Montana/nc North Carolina/nd North Dakota/ne Nebraska/nh New Hampshire/nj New Jersey/nm New Mexico/
nv Nevada/ny New York/oh Ohio/ok Oklahoma/or Oregon/pa Pennsylvania/ri Rhode Island/sc South Carolina/
sd South Dakota/tn Tennessee/tx Texas/ut Utah/va Virginia/vt Vermont/wa Washington/
wi Wisconsin/wv West Virginia/wy Wyoming
"""


def _read_table(table: str) -> dict[str, str]:
    rows = (row.strip().split(" ", 1) for row in table.split("/"))
    return {fold_accents(keep_letters(name.lower()) or ""): code for code, name in rows}


_BY_COUNTRY = {"br": _read_table(_BRAZIL), "us": _read_table(_USA)}
_ANYWHERE = {name: code for table in _BY_COUNTRY.values() for name, code in table.items()}


def find_state_code(name: str, country: str | None) -> str | None:
    """The two letters for a full name (cleaned to letters); None for other countries and unknown names."""
    table = _ANYWHERE if country is None else _BY_COUNTRY.get(country, {})
    return table.get(fold_accents(name))
