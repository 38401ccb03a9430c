"""Routes of the flow: conversions and events out. Webhooks come in through front.py."""

from django.urls import path

from apps.dispatch.health import api as health
from apps.dispatch.ledger import api as ledger
from apps.dispatch.letters import api as letters
from apps.dispatch.letters import replay_api as replays
from apps.pipeline import api

urlpatterns = [
    path("conversions", api.ConversionList.as_view(), name="conversions"),
    path("events", api.EventList.as_view(), name="events"),
    path("events/<str:event_id>", api.EventView.as_view(), name="event"),
    path("replay/<str:event_id>", api.ReplayView.as_view(), name="replay"),
    path("dead-letters", letters.DeadLetterList.as_view(), name="dead-letters"),
    path("dead-letters.csv", letters.DeadLetterExport.as_view(), name="dead-letters-csv"),
    path("dead-letters/summary", letters.DeadLetterSummary.as_view(), name="dead-letters-summary"),
    path("dead-letters/replay", replays.ReplayStart.as_view(), name="dead-letters-replay"),
    path("replays", replays.ReplayList.as_view(), name="replays"),
    path("replays/<uuid:pk>", replays.ReplayProgress.as_view(), name="replay-progress"),
    path("replays/<uuid:pk>/cancel", replays.ReplayCancel.as_view(), name="replay-cancel"),
    path("ledger", ledger.LedgerView.as_view(), name="ledger"),
    path("ledger/at-risk", ledger.RiskView.as_view(), name="money-at-risk"),
    path("ledger/reconcile", ledger.ReconcileView.as_view(), name="reconcile"),
    path("destinations", health.DestinationHealthList.as_view(), name="destinations"),
    path("destinations/<uuid:pk>", health.DestinationHealthView.as_view(), name="destination"),
]
