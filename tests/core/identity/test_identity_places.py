"""Countries against ISO 3166-1, and what city, state and postal code do with it and without."""

import pycountry
import pytest

from apps.core.identity.places import (
    normalise_city,
    normalise_country,
    normalise_postal_code,
    normalise_state,
)


def test_every_iso_code_is_known_and_no_other_pair_of_letters() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    codes = {first + second for first in letters for second in letters}

    known = {code for code in codes if normalise_country(code) == code}
    renamed = {code: normalise_country(code) for code in codes - known if normalise_country(code)}

    assert known == {country.alpha_2.lower() for country in pycountry.countries}
    assert renamed == {"uk": "gb"}


def test_every_three_letter_code_leads_to_its_country() -> None:
    for country in pycountry.countries:
        assert normalise_country(country.alpha_3) == country.alpha_2.lower()


def test_english_names_agree_with_the_iso_list() -> None:
    read = {country.alpha_2: normalise_country(country.name) for country in pycountry.countries}

    wrong = {code: found for code, found in read.items() if found not in (None, code.lower())}
    unread = [country.name for country in pycountry.countries if read[country.alpha_2] is None]
    assert wrong == {}
    # Left unread are formal names only, with a comma or brackets, and two more that no checkout shows.
    assert [name for name in unread if "," not in name and "(" not in name] == [
        "Lao People's Democratic Republic",
        "Syrian Arab Republic",
    ]


@pytest.mark.parametrize(
    ("portuguese", "code"),
    [
        ("Guiana", "gy"),
        ("Guiné", "gn"),
        ("Guiné Equatorial", "gq"),
        ("Guiné-Bissau", "gw"),
        ("Níger", "ne"),
        ("Nigéria", "ng"),
        ("Dominica", "dm"),
        ("República Dominicana", "do"),
        ("Samoa", "ws"),
        ("Samoa Americana", "as"),
        ("Congo", "cg"),
        ("República Democrática do Congo", "cd"),
        ("Eslováquia", "sk"),
        ("Eslovênia", "si"),
        ("Mauritânia", "mr"),
        ("Maurício", "mu"),
        ("Índia", "in"),
        ("Indonésia", "id"),
        ("Iraque", "iq"),
        ("Irã", "ir"),
        ("TCHÉQUIA", "cz"),
        ("cabo-verde", "cv"),
        ("São Tomé e Príncipe", "st"),
    ],
)
def test_names_that_begin_alike_are_told_apart(portuguese: str, code: str) -> None:
    assert normalise_country(portuguese) == code


@pytest.mark.parametrize("word", ["Kosovo", "Terra", "Brazill", "Alema", "u", "b r 1"])
def test_no_country_is_guessed_from_a_beginning(word: str) -> None:
    assert normalise_country(word) is None


@pytest.mark.parametrize(
    ("name", "country", "expected"),
    [
        ("Minas Gerais", None, "mg"),
        ("Minas Gerais", "br", "mg"),
        ("Minas Gerais", "us", "minasgerais"),
        ("Minas Gerais", "pt", "minasgerais"),
        ("Michigan", None, "mi"),
        ("Michigan", "br", "michigan"),
        ("Pará", "br", "pa"),
        ("Paraná", "br", "pr"),
        ("Pennsylvania", "us", "pa"),
        ("North-Dakota", "us", "nd"),
    ],
)
def test_a_state_name_gives_two_letters_only_in_its_own_country(name: str, country: str | None, expected: str) -> None:
    assert normalise_state(name, country) == expected


@pytest.mark.parametrize(
    ("code", "country", "expected"),
    [
        ("01310-100", None, ("01310100", "01310")),
        ("01310-100", "br", ("01310100", "01310")),
        ("01310-100", "us", ()),
        ("01310-100", "pt", ("01310100",)),
        ("94035-1234", None, ("94035",)),
        ("94035-1234", "us", ("94035",)),
        ("94035-1234", "br", ()),
        ("94035-1234", "mx", ("940351234",)),
        ("94035", None, ("94035",)),
    ],
)
def test_a_postal_code_is_cut_only_where_its_country_cuts(
    code: str, country: str | None, expected: tuple[str, ...]
) -> None:
    assert normalise_postal_code(code, country) == expected


def test_a_city_has_a_second_form_only_if_it_has_accents() -> None:
    assert normalise_city("Recife") == ("recife",)
    assert normalise_city("Maceió") == ("maceió", "macei")
    assert normalise_city("Ό") == ("ό",)
