"""Which links and forms carry the click id, in which field, and what stays as the seller wrote it."""

import pytest

from tests.browser.visitor import FBCLID, Visitor

pytestmark = pytest.mark.django_db(transaction=True)
AD = f"/oferta?fbclid={FBCLID}"
# The seller's link -> the same link with ID in its place.
DECORATED = {
    "https://pay.hotmart.com/A1": "https://pay.hotmart.com/A1?sck=ID",
    "https://go.hotmart.com/A1?ap=x": "https://go.hotmart.com/A1?ap=x&sck=ID",
    "https://pay.hotmart.com/A1?sck=&off=1": "https://pay.hotmart.com/A1?sck=ID&off=1",
    "https://pay.hotmart.com/A1?sck=bio": "https://pay.hotmart.com/A1?sck=bio&xcod=ID",
    "https://pay.hotmart.com/A1?sck=a&xcod=b&src=c": "https://pay.hotmart.com/A1?sck=a&xcod=b&src=ID%7Cc",
    "https://pay.kiwify.com.br/x": "https://pay.kiwify.com.br/x?sck=ID",
    "https://buy.stripe.com/x": "https://buy.stripe.com/x?client_reference_id=ID",
    "https://go.perfectpay.com.br/x?upsell=1": "https://go.perfectpay.com.br/x?upsell=1&src=ID",
    "https://loja.appmax.com.br/x": "https://loja.appmax.com.br/x?utm_content=ID",
    "https://ev.braip.com/checkout/x": "https://ev.braip.com/checkout/x?sck=ID",
    "https://chk.eduzz.com/7?a": "https://chk.eduzz.com/7?a&trk=ID",
    "//pay.hotmart.com/A1#topo": "//pay.hotmart.com/A1?sck=ID#topo",
    "https://pay.hotmart.com/A1?nome=a%20b+c&x={{y}}": "https://pay.hotmart.com/A1?nome=a%20b+c&x={{y}}&sck=ID",
    "https://PAY.hotmart.com/A1": "https://PAY.hotmart.com/A1?sck=ID",
}
UNTOUCHED = [
    "https://buy.stripe.com/x?client_reference_id=pedido-77",
    "https://hotmart.com/A1",
    "https://pay.hotmart.com.evil.example.com/A1",
    "https://evil.example.com/?go=https://pay.hotmart.com/A1",
    "https://appmax.com.br/x",
    "https://xev.braip.com/checkout/x",
    "mailto:ana@pay.hotmart.com",
    "javascript:void('//pay.hotmart.com')",
    "/obrigado",
    "#topo",
]


def put_links(visitor: Visitor, links: list[str]) -> None:
    visitor.put_page("/oferta", body='<a id="buy" href="https://pay.hotmart.com/Z">Comprar</a>' + "".join(
        f'<a id="l{number}" href="{link}">x</a>' for number, link in enumerate(links)
    ))  # fmt: skip


def test_each_checkout_gets_the_id_in_the_field_it_gives_back(visitor: Visitor) -> None:
    put_links(visitor, list(DECORATED))
    visitor.open(AD)
    click_id = visitor.wait_for_click_id()

    found = [visitor.href(f"#l{number}").replace(click_id, "ID") for number in range(len(DECORATED))]
    # An upper-case host is found when it is pressed: the page is searched for hosts as they are usually written.
    assert found[:-1] == list(DECORATED.values())[:-1]
    visitor.page.dispatch_event(f"#l{len(DECORATED) - 1}", "pointerdown")
    assert visitor.href(f"#l{len(DECORATED) - 1}").replace(click_id, "ID") == list(DECORATED.values())[-1]


def test_all_other_links_stay_as_they_are(visitor: Visitor) -> None:
    put_links(visitor, UNTOUCHED)
    visitor.open(AD)
    visitor.wait_for_click_id()
    for number in range(len(UNTOUCHED)):
        visitor.page.dispatch_event(f"#l{number}", "pointerdown")

    assert [visitor.href(f"#l{number}") for number in range(len(UNTOUCHED))] == UNTOUCHED
    assert visitor.hub.told("initiate_checkout") == []


@pytest.mark.parametrize(("mark", "field"), [("", "sck"), ("src", "src"), ("utm_content", "utm_content")])
def test_a_checkout_of_the_sellers_own_is_marked(visitor: Visitor, mark: str, field: str) -> None:
    body = f'<a id="buy" data-hubtrack-checkout="{mark}" href="https://checkout.example.com/7">Comprar</a>'
    visitor.put_page("/oferta", body=body)
    visitor.open(AD)

    visitor.wait(lambda: f"?{field}=htc" in visitor.href())


def test_a_link_made_at_the_last_moment_is_decorated_when_it_is_pressed(visitor: Visitor) -> None:
    visitor.put_page("/oferta", body='<button onclick="leave()">Comprar</button>')
    visitor.open(AD)
    visitor.wait_for("click")
    visitor.wait(lambda: ".htc" in str(visitor.context.cookies()))
    visitor.run("""() => { window.leave = () => {
        const link = document.createElement("a");
        link.href = "https://pay.hotmart.com/A1";
        document.body.append(link);
        link.click();
    }; }""")
    visitor.page.click("button")
    visitor.page.wait_for_selector("h1")
    visitor.wait_for("initiate_checkout")  # it may come later than the page that it led to

    assert visitor.paid[-1].startswith("https://pay.hotmart.com/A1?sck=htc")
    assert len(visitor.hub.told("initiate_checkout")) == 1


def test_a_link_within_a_component_is_decorated_when_it_is_pressed(visitor: Visitor) -> None:
    visitor.put_page("/oferta", body="<x-shop></x-shop>")
    visitor.open(AD)
    visitor.wait_for("click")
    visitor.wait(lambda: ".htc" in str(visitor.context.cookies()))
    visitor.run("""() => {
        const root = document.querySelector("x-shop").attachShadow({mode: "open"});
        root.innerHTML = '<a href="https://pay.hotmart.com/A1"><b id="inner">Comprar</b></a>';
    }""")
    visitor.page.click("#inner")
    visitor.page.wait_for_selector("h1")

    assert visitor.paid[-1].startswith("https://pay.hotmart.com/A1?sck=htc")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("given", ["", '<input type="hidden" name="sck" value="">'])
def test_a_form_carries_the_id_as_a_field(visitor: Visitor, method: str, given: str) -> None:
    form = f'<form method="{method}" action="https://pay.hotmart.com/A1">{given}<button>Comprar</button></form>'
    visitor.put_page("/oferta", body=form)
    visitor.open(AD)
    visitor.wait(lambda: visitor.run("(document.querySelector('[name=sck]') || {value: ''}).value.startsWith('htc')"))
    with visitor.context.expect_event("request", lambda request: "hotmart" in request.url) as leaving:
        visitor.page.click("button")

    carried = leaving.value.post_data if method == "post" else leaving.value.url.partition("?")[2]
    assert carried.startswith("sck=htc")
    assert len(visitor.wait_for("initiate_checkout")["event_id"]) == 27


def test_a_form_keeps_the_sellers_own_value(visitor: Visitor) -> None:
    fields = "".join(f'<input type="hidden" name="{name}" value="meu">' for name in ("sck", "xcod", "src"))
    visitor.put_page("/oferta", body=f'<form action="https://pay.hotmart.com/A1">{fields}</form>')
    visitor.open(AD)

    visitor.wait(lambda: visitor.run("document.querySelector('[name=src]').value.startsWith('htc')"))
    values = visitor.run("[...document.querySelectorAll('input')].map((input) => input.value)")
    assert values[:2] == ["meu", "meu"]
    assert values[2].endswith("|meu")


def test_a_double_click_is_one_checkout(visitor: Visitor) -> None:
    visitor.open(AD)
    visitor.wait_for_click_id()
    visitor.run("document.querySelector('#buy').addEventListener('click', (event) => event.preventDefault())")
    visitor.page.dblclick("#buy")
    visitor.wait_for("initiate_checkout")
    visitor.rest()

    assert len(visitor.hub.told("initiate_checkout")) == 1


@pytest.mark.parametrize("action", ["add_to_cart", "view_content"])
def test_a_marked_element_tells_an_action(visitor: Visitor, action: str) -> None:
    visitor.put_page("/oferta", body=f'<button data-hubtrack="{action}"><i>Quero</i></button>')
    visitor.open(AD)
    visitor.wait_for("pageview")
    visitor.page.click("i")

    assert visitor.wait_for(action)["url"] == visitor.site.url(AD)


def test_an_address_for_the_pages_own_code(visitor: Visitor) -> None:
    visitor.open(AD)
    click_id = visitor.wait_for_click_id()

    assert (
        visitor.run("hubtrack.decorate('https://ev.braip.com/c?a=1')") == f"https://ev.braip.com/c?a=1&sck={click_id}"
    )
    assert visitor.run("hubtrack.decorate('https://own.example.com/')") == f"https://own.example.com/?sck={click_id}"
