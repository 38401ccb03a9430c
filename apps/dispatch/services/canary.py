"""Give up a version that the platform, or experience, says is to blame (dispatch/canary.py); the other one goes on."""

from django.db.models import Count, Q

from apps.core.log import get_logger
from apps.core.metrics import count
from apps.dispatch.canary import LOOKED_BACK_AT, Tally, is_proven_guilty, is_worse
from apps.dispatch.fate import FAULTS_OF_THE_PLATFORM
from apps.dispatch.models import Batch, Breaker
from apps.dispatch.services.claim import Lease
from apps.dispatch.services.targets import source_of
from apps.dispatch.verdict import Outcome, Verdict
from apps.funnels.selectors import FunnelConfig, published_configs

log = get_logger(__name__)


def weigh_version(lease: Lease, refused: Batch, verdict: Verdict) -> None:
    """After the request that `refused` was, and `verdict` is about, was made once more with the other version."""
    version = refused.api_version
    if _is_to_blame(lease, refused, verdict):
        _remember(lease, version)
        log.error(
            "version.given_up",
            destination_id=str(lease.destination.pk),
            platform=lease.destination.platform,
            version=version,
            reason=verdict.reason,
        )
        count("versions_given_up", platform=lease.destination.platform)


def _remember(lease: Lease, version: str) -> None:
    """There is room for one: that the destination's own version is refused weighs more than what its canary was."""
    rows = Breaker.objects.filter(pk=lease.gate.own.pk)
    route = lease.route
    if route.is_canary and route.fallback and version == route.target.api_version:
        rows = rows.exclude(refused_version=route.fallback.target.api_version)
    rows.update(refused_version=version)


def _is_to_blame(lease: Lease, refused: Batch, verdict: Verdict) -> bool:
    if verdict.outcome is Outcome.VERSION:
        return True
    if not Batch.objects.filter(parent=refused, outcome=Outcome.ACCEPTED).exists():
        return False
    return is_proven_guilty(verdict.outcome) or is_worse(*_tallies(lease, refused.api_version))


def _tallies(lease: Lease, version: str) -> tuple[Tally, Tally]:
    """Of the version on trial, whose failures are those that the other made good; and of the other."""
    latest = Batch.objects.filter(destination=lease.destination, finished_at__isnull=False).order_by("-pk")
    rows = Batch.objects.filter(pk__in=latest.values("pk")[:LOOKED_BACK_AT])
    is_canary = Q(api_version=version)
    made_good = ~is_canary & Q(parent__api_version=version, outcome=Outcome.ACCEPTED)
    found = rows.aggregate(
        canary=Count("pk", filter=is_canary),
        made_good=Count("pk", filter=made_good),
        stable=Count("pk", filter=~is_canary),
        failed=Count("pk", filter=~is_canary & Q(outcome__in=FAULTS_OF_THE_PLATFORM)),
    )
    return Tally(found["canary"], found["made_good"]), Tally(found["stable"], found["failed"])


def forget_refusals() -> int:
    """A version that its destination no longer names may be tried again later; how many were forgotten."""
    held = list(Breaker.objects.exclude(refused_version="").select_related("destination"))
    configs = published_configs(own.destination.funnel_id for own in held)
    forgotten = [own.pk for own in held if not _is_named(own, configs.get(own.destination.funnel_id))]
    return Breaker.objects.filter(pk__in=forgotten).update(refused_version="")


def _is_named(own: Breaker, config: FunnelConfig | None) -> bool:
    source = source_of(own.destination, config)
    return own.refused_version in (source.api_version, source.canary_version)
