"""The page of dead letters, by tenant: sums on top, a list that can be narrowed, and having them sent again."""

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.serializers import ValidationError

from apps.core.admin import RecordAdmin, Table, row_link
from apps.core.admin.panels import may_view
from apps.core.admin.search import as_uuid
from apps.core.errors import NotPossible
from apps.dispatch.admin.dead_letter_parts import (
    cells_of,
    choices_of,
    headers,
    page_address,
    piles_table,
    tenants_table,
    tiles_of,
)
from apps.dispatch.letters.filters import Filters, Queue
from apps.dispatch.letters.inputs import FilterInput, read_filters
from apps.dispatch.letters.letters import describe
from apps.dispatch.letters.rows import find_rows
from apps.dispatch.letters.summary import summarise
from apps.dispatch.models import Send
from apps.dispatch.services.replays import MOST_PER_MINUTE, PER_MINUTE, Wish, start_replay
from apps.tenants.models import Tenant

LETTERS_SHOWN = 50
RATES = (60, PER_MINUTE, MOST_PER_MINUTE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for. What it asks for wrongly is answered as if it had not been."""

    tenant: Tenant
    filters: Filters
    before: int | None
    query: dict[str, str]

    @property
    def address(self) -> str:
        return page_address(**self.query)

    def further(self, before: int) -> str:
        return page_address(**self.query, before=str(before))


class DeadLetters:
    """The page's view; `model_admin` is the replays', whose permissions and history it uses."""

    def __init__(self, model_admin: RecordAdmin) -> None:
        self._admin = model_admin

    def answer(self, request: HttpRequest) -> HttpResponse:
        if not may_view(request.user, Send):
            raise PermissionDenied
        if "tenant" not in request.GET:
            return self._choose_tenant(request)
        asked = _read(request.GET)
        if request.method == "POST":
            return self._act(request, asked)
        return self._show(request, asked)

    def _choose_tenant(self, request: HttpRequest) -> HttpResponse:
        return self._render(request, "tenants", {"panel": tenants_table()})

    def _show(self, request: HttpRequest, asked: _Asked) -> HttpResponse:
        tenant, queue = asked.tenant, asked.filters.queue
        piles = {each: summarise(Filters(queue=each), tenant.pk) for each in Queue}
        rows = find_rows(asked.filters, tenant.pk)
        page = (rows.filter(pk__lt=asked.before) if asked.before else rows)[: LETTERS_SHOWN + 1]
        shown = page[:LETTERS_SHOWN]
        letters = describe(queue, shown)
        return self._render(
            request,
            "dead_letters",
            {
                "tenant": row_link(tenant),
                "tenants_address": page_address(),
                "tiles": tiles_of(tenant, queue, piles),
                "piles": piles_table(tenant, piles[queue]),
                "choices": choices_of(tenant, queue, piles[queue]),
                "asked": asked.query,
                "is_narrowed": set(asked.query) - {"tenant", "queue"},
                "all_address": page_address(tenant=str(tenant.pk), queue=queue),
                "headers": headers(),
                "letters": [(letter.key, cells_of(row, letter)) for row, letter in zip(shown, letters, strict=True)],
                "next_address": asked.further(shown[-1].pk) if len(page) > LETTERS_SHOWN else "",
                "may_act": self._admin.may_act(request),
            },
        )

    def _act(self, request: HttpRequest, asked: _Asked) -> HttpResponse:
        if not self._admin.may_act(request):
            raise PermissionDenied
        if request.POST.get("action") == "selected":
            return self._send_selected(request, asked)
        if "confirmed" not in request.POST:
            return self._confirm(request, asked)
        rate = next((item for item in RATES if str(item) == request.POST.get("per_minute")), PER_MINUTE)
        return self._start(request, asked, Wish(asked.filters, rate, force="force" in request.POST))

    def _send_selected(self, request: HttpRequest, asked: _Asked) -> HttpResponse:
        keys = [text for text in request.POST.getlist("letter")[:LETTERS_SHOWN] if text.isascii() and text.isdecimal()]
        if not keys:
            messages.warning(request, _("Select the letters to send again first."))
            return HttpResponseRedirect(asked.address)
        chosen = Filters(queue=asked.filters.queue)
        if chosen.queue is Queue.DISPATCH:
            chosen = replace(chosen, sends=tuple(int(text) for text in keys))
        else:
            chosen = replace(chosen, ids=tuple(keys))
        return self._start(request, asked, Wish(chosen))

    def _confirm(self, request: HttpRequest, asked: _Asked) -> HttpResponse:
        piles = summarise(asked.filters, asked.tenant.pk)
        table = piles_table(asked.tenant, piles)
        what = _("These %(count)d dead letters are sent again, under their own event ids.")
        words = what % {"count": sum(pile.count for pile in piles)}
        context = {
            "title": _("Send all of these again?"),
            "panels": [Table(table.title, table.headers, table.rows, words=words)],
            "rates": [(rate, rate == PER_MINUTE) for rate in RATES],
            "may_force": asked.filters.queue is Queue.DISPATCH,
            "back": asked.address,
        }
        return self._render(request, "replay_confirm", context)

    def _start(self, request: HttpRequest, asked: _Asked, wish: Wish) -> HttpResponse:
        try:
            replay = start_replay(asked.tenant.pk, replace(wish, actor=request.user.get_username()))
        except NotPossible as error:
            messages.error(request, str(error.detail))
            return HttpResponseRedirect(asked.address)
        said = _("Dead letters sent again: %(count)d") % {"count": replay.total}
        self._admin.log_addition(request, replay, said)
        messages.success(request, said)
        return HttpResponseRedirect(reverse("admin:dispatch_replay_change", args=[replay.pk]))

    def _render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        common = {**self._admin.admin_site.each_context(request), "title": _("Dead letters")}
        return TemplateResponse(request, f"admin/dispatch/{name}.html", common | context)


def _read(query: QueryDict) -> _Asked:
    tenant = get_object_or_404(Tenant, pk=as_uuid(query.get("tenant", "")))
    given = {name: value for name in map(str, FilterInput().fields) if (value := query.get(name))}
    try:
        filters = read_filters(given)
    except ValidationError as error:
        if not isinstance(error.detail, dict):
            raise Http404 from error
        given = {name: value for name, value in given.items() if name not in error.detail}
        filters = read_filters(given)
    before = query.get("before", "")
    is_key = before.isascii() and before.isdecimal() and len(before) < 19
    return _Asked(tenant, filters, int(before) if is_key else None, {"tenant": str(tenant.pk), **given})
