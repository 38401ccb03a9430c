"""UTM parameters written with Meta's macros, and read back."""

import pytest

from apps.clicks.utm import (
    META_MACROS,
    TEMPLATES,
    AdSource,
    Named,
    Style,
    compose_utm,
    fill_macros,
    read_named,
    read_parameters,
    read_utm,
    unknown_macros,
)

ID = "120210000000000001"
CLICK_ID = "htc" + "0" * 24


@pytest.mark.parametrize(
    ("style", "written"),
    [
        (
            Style.PACKED,
            "utm_source=facebook&utm_campaign={{campaign.name}}%7C{{campaign.id}}&utm_medium={{adset.name}}%7C{{adset.id}}"
            "&utm_content={{ad.name}}%7C{{ad.id}}&utm_term={{placement}}",
        ),
        (
            Style.IDS,
            "utm_source=facebook&utm_campaign={{campaign.id}}&utm_medium={{adset.id}}&utm_content={{ad.id}}"
            "&utm_term={{placement}}",
        ),
        (
            Style.NAMES,
            "utm_source=facebook&utm_campaign={{campaign.name}}&utm_medium={{adset.name}}&utm_content={{ad.name}}"
            "&utm_id={{campaign.id}}&utm_term={{placement}}",
        ),
    ],
)
def test_macros_are_written_as_they_are(style: Style, written: str) -> None:
    assert compose_utm(style) == written


def test_ones_own_parameters_are_added_replaced_and_removed() -> None:
    written = compose_utm(
        Style.IDS,
        source="ig & fb",
        extra={"utm_term": "", "utm_content": "criativo {{ad.name}}/a", "src": "é", "x": "{{site_source_name}}"},
    )

    assert written == (
        "utm_source=ig%20%26%20fb&utm_campaign={{campaign.id}}&utm_medium={{adset.id}}"
        "&utm_content=criativo%20{{ad.name}}%2Fa&src=%C3%A9&x={{site_source_name}}"
    )


@pytest.mark.parametrize("value", ["a\r\nb", "<script>", "a&b=c", "#", "%0d", "{{", "}}", "{x}"])
def test_no_value_breaks_out_of_its_parameter(value: str) -> None:
    written = compose_utm(Style.IDS, extra={"x": value})

    assert read_parameters(written)["x"] == value
    assert written.count("&") == 5
    assert "#" not in written


def test_every_template_uses_only_macros_that_meta_has() -> None:
    texts = [value for template in TEMPLATES.values() for value in template.values()]

    assert texts
    assert [unknown_macros(text) for text in texts] == [[]] * len(texts)


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("{{campaign.id}}", []),
        ("{{campaign_id}}-{{Ad.Id}}", ["{{campaign_id}}", "{{Ad.Id}}"]),
        ("{{ ad.id }}", ["{{ ad.id }}"]),
        ("{{}}", ["{{}}"]),
        ("{{", []),
        ("", []),
    ],
)
def test_macros_that_meta_does_not_have_are_found(text: str, strange: list[str]) -> None:
    assert unknown_macros(text) == strange


@pytest.mark.parametrize(
    ("style", "campaign", "adset", "ad"),
    [
        (
            Style.PACKED,
            Named(META_MACROS["{{campaign.id}}"], "Confeitaria | Frio"),
            Named(META_MACROS["{{adset.id}}"], "Lookalike 1%"),
            Named(META_MACROS["{{ad.id}}"], "Video 3"),
        ),
        (
            Style.IDS,
            Named(META_MACROS["{{campaign.id}}"]),
            Named(META_MACROS["{{adset.id}}"]),
            Named(META_MACROS["{{ad.id}}"]),
        ),
        (
            Style.NAMES,
            Named(META_MACROS["{{campaign.id}}"], "Confeitaria | Frio"),
            Named("", "Lookalike 1%"),
            Named("", "Video 3"),
        ),
    ],
)
def test_what_is_written_is_read_back(style: Style, campaign: Named, adset: Named, ad: Named) -> None:
    filled = fill_macros(compose_utm(style))

    assert read_utm(read_parameters(filled)) == AdSource("facebook", campaign, adset, ad, "Instagram_Reels")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("", Named()),
        ("Frio", Named("", "Frio")),
        (ID, Named(ID)),
        (f"Frio|{ID}", Named(ID, "Frio")),
        (f"Frio | {ID}", Named(ID, "Frio")),
        (f"{ID}|Frio", Named(ID, "Frio")),
        (f"A|B | C|{ID}", Named(ID, "A|B | C")),
        ("A|B", Named("", "A|B")),
        (f"Frio%7C{ID}", Named(ID, "Frio")),
        (f"Frio%7c{ID}", Named(ID, "Frio")),
        (f"|{ID}", Named(ID)),
        (f"Frio|{ID}|", Named(ID, "Frio")),
        ("2024", Named("", "2024")),
        ("Black|2024", Named("", "Black|2024")),
        ("1" * 21, Named("", "1" * 21)),
        (f"Frio{ID}", Named("", f"Frio{ID}")),
        ("{{campaign.name}}|{{campaign.id}}", Named()),
        ("{{campaign.name}}", Named()),
        (f"{CLICK_ID}|Frio|{ID}", Named(ID, "Frio")),
        (f"Frio|{ID}|{CLICK_ID}", Named(ID, "Frio")),
        (CLICK_ID, Named()),
        ("<script>alert(1)</script>", Named("", "<script>alert(1)</script>")),
        ("|" * 512, Named()),
        ("٣" * 12, Named("", "٣" * 12)),
    ],
)
def test_packed_and_plain_values_are_read_alike(value: str, named: Named) -> None:
    assert read_named(value) == named


def test_a_medium_that_is_one_leaves_the_ad_set_to_the_term() -> None:
    read = read_utm({"utm_medium": "CPC", "utm_term": f"Lookalike|{ID}"})

    assert (read.adset, read.placement) == (Named(ID, "Lookalike"), "")


def test_a_medium_that_is_one_is_no_ad_set() -> None:
    read = read_utm({"utm_medium": "paid_social", "utm_term": "Facebook_Feed", "utm_source": "fb"})

    assert read == AdSource("fb", Named(), Named(), Named(), "Facebook_Feed")


def test_utm_id_is_the_campaigns_where_it_has_none() -> None:
    assert read_utm({"utm_campaign": "Frio", "utm_id": ID}).campaign == Named(ID, "Frio")
    assert read_utm({"utm_campaign": f"Frio|{ID}", "utm_id": "9" * 12}).campaign == Named(ID, "Frio")


def test_nothing_is_read_from_nothing() -> None:
    assert read_utm({}) == AdSource("", Named(), Named(), Named(), "")


def test_of_a_parameter_that_comes_twice_the_first_counts() -> None:
    assert read_parameters("a=1&a=2&b=%7C+x&c") == {"a": "1", "b": "| x", "c": ""}
