"""The page that shows how sure matching is, and the pages of fitted weights."""

import uuid
from xml.etree.ElementTree import fromstring

import pytest
from django.urls import reverse

from apps.matching.models import FittedWeights
from apps.matching.services import fit_weights
from apps.matching.services.measure import MIN_ANSWERS
from apps.tenants.models import Tenant
from apps.tenants.scoping import tenant_scope, unscoped
from tests.admin.console import Console, address, new_staff, text_of
from tests.matching.known_sales import shared_network, store
from tests.worlds import World


def _page(tenant_id: object, query: str = "") -> str:
    return reverse("admin:matching_confidence", args=[tenant_id]) + query


def _fit(world: World) -> FittedWeights:
    store(world, shared_network(MIN_ANSWERS))
    with tenant_scope(world.tenant_id):
        return fit_weights(world.tenant_id, 90, "API: shop")


def _svg(html: str) -> str:
    return html[html.index("<svg xmlns") : html.index("</svg>", html.index("<svg xmlns")) + len("</svg>")]


def test_the_page_shows_the_curve_and_the_same_figures_beside_it(console: Console, world: World) -> None:
    store(world, shared_network(60))

    html = console.read(_page(world.tenant_id))

    root = fromstring(_svg(html))
    dots = [item for item in root.iter() if item.get("class") == "curve-dot"]
    rows = html[html.index("The curve in figures") :].count("<tr>") - 1
    assert len(dots) == rows > 3
    assert "sales whose click is known" in html
    assert "with the id hidden" in html


def test_an_account_without_sales_says_so(console: Console, world: World) -> None:
    html = text_of(console.client.get(_page(world.tenant_id)))

    assert "curve-dot" not in _svg(html)
    assert "The curve in figures" in html
    assert "None: these sales are too few" in html
    assert "sales whose click is known" not in html


def test_each_tenant_sees_its_own_sales(console: Console, world: World, other_world: World) -> None:
    store(other_world, shared_network(60))

    assert "curve-dot" not in _svg(console.read(_page(world.tenant_id)))
    assert "curve-dot" in _svg(console.read(_page(other_world.tenant_id)))


def test_periods_and_weights_are_chosen_by_links(console: Console, world: World) -> None:
    _fit(world)

    html = text_of(console.client.get(_page(world.tenant_id, "?days=30&weights=fitted-1")))

    assert f'href="{_page(world.tenant_id)}?days=365&weights=fitted-1"' in html
    assert f'href="{_page(world.tenant_id)}?days=30&weights="' in html
    assert html.count('aria-current="page"') == 2
    assert html != text_of(console.client.get(_page(world.tenant_id, "?days=30&weights=")))


@pytest.mark.parametrize("query", ["?days=7", "?days=x", "?weights=fitted-9", "?weights=%00"])
def test_what_is_asked_for_wrongly_is_left_out(console: Console, world: World, query: str) -> None:
    store(world, shared_network(20))

    shown = text_of(console.client.get(_page(world.tenant_id, query)))

    assert _svg(shown) == _svg(console.read(_page(world.tenant_id)))


def test_the_tenants_page_leads_there(console: Console, world: World) -> None:
    kept = _fit(world)

    with unscoped():
        html = text_of(console.page(Tenant.objects.get(pk=world.tenant_id)))

    assert f'href="{_page(world.tenant_id)}?days=90&weights="' in html
    assert address(kept, "change") in html


def test_only_who_may_see_matches_sees_it(world: World) -> None:
    path = _page(world.tenant_id)

    assert new_staff("matching.view_match").client.get(path).status_code == 200
    assert new_staff("clicks.view_click", email="other@example.com").client.get(path).status_code == 403


def test_an_unknown_tenant_is_not_found(console: Console) -> None:
    assert console.client.get(_page(uuid.uuid4())).status_code == 404


def test_fitted_weights_are_shown_with_their_report_and_cannot_be_changed(console: Console, world: World) -> None:
    kept = _fit(world)

    html = text_of(console.page(kept))

    assert "Fitted on 350 sales and measured on 150 newer ones." in html
    assert "Keeps the product's weights: there are 0 clicks" in html
    assert "fitted-1" in text_of(console.list(FittedWeights))
    assert console.save(kept, name="other").status_code == 403
    with unscoped():
        assert FittedWeights.objects.get().name == "fitted-1"
