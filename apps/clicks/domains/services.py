"""Use-cases of tracking domains: their only writers. A domain is used from its proof on, until the proof is gone.

The proof is a TXT record that only who owns the domain can set. It is asked for daily; missing for three days on end it
no longer counts, and the domain is free for whoever proves it next. What could not be asked changes nothing.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.clicks.domains.rules import HostError, Proof, proof_name, read_host, weigh_proof
from apps.clicks.middleware import own_hosts
from apps.clicks.models import TrackingDomain
from apps.core.dns import Unasked, has_address, read_texts
from apps.core.errors import BadInput, NotPossible
from apps.core.log import get_logger
from apps.tenants.models import Tenant
from apps.tenants.scoping import current_tenant_id

MAX_DOMAINS = 20
GRACE = timedelta(days=3)
# A beat that comes twice on one day asks once.
_RECENT = timedelta(hours=12)
_AT_ONCE = 16
_ONE_AT_A_TIME = "hashtext('tracking domains')"
_WHY_NOT = {
    "address": gettext_lazy("Enter the host alone, such as track.yourstore.com: no https://, port, path or spaces."),
    "ip": gettext_lazy("This is an IP address. Enter a host of your domain, such as track.yourstore.com."),
    "name": gettext_lazy("This is no host name. Enter one of letters, digits, dashes and dots."),
    "long": gettext_lazy("The host is too long."),
    "site": gettext_lazy("Enter a host below your site's domain, such as track.yourstore.com."),
    "own": gettext_lazy("This host is the hub's own. Enter one of your domain, such as track.yourstore.com."),
}
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What DNS says of a domain; `leads_anywhere` is None where that was not or could not be asked."""

    proof: Proof
    leads_anywhere: bool | None = None


def add_domain(text: str) -> TrackingDomain:
    """A domain of the tenant in scope, yet to be proven. Raises BadInput or NotPossible."""
    try:
        host = read_host(text, [name.lstrip(".") for name in own_hosts()])
    except HostError as error:
        raise BadInput(
            _("Correct the fields named in `errors` and send it again."), fields={"host": str(_WHY_NOT[str(error)])}
        ) from error
    with transaction.atomic():
        # Two that come at once must not both be the twentieth.
        Tenant.objects.select_for_update().get(pk=current_tenant_id())
        known = set(TrackingDomain.objects.values_list("host", flat=True))
        if host in known:
            raise NotPossible(_("This account has this domain already."))
        if len(known) >= MAX_DOMAINS:
            raise NotPossible(_("An account may have %(limit)d tracking domains.") % {"limit": MAX_DOMAINS})
        domain: TrackingDomain = TrackingDomain.objects.create(host=host)
    return domain


def remove_domain(domain: TrackingDomain) -> None:
    """Within two seconds nothing is served there any more."""
    log.info("domain.removed", host=domain.host, tenant_id=str(domain.tenant_id))
    domain.delete()


def verify_domain(domain: TrackingDomain) -> Finding:
    """Ask for the proof now and keep the outcome. Raises NotPossible when the host is proven by another account."""
    finding = _ask(domain)
    _keep(domain, finding.proof)
    return finding


def check_proven() -> int:
    """Ask again for the proofs that count; how many. Only one does so at a time."""
    with _alone() as is_alone:
        if not is_alone:
            return 0
        due = TrackingDomain.objects.filter(proven_at__isnull=False, checked_at__lt=Now() - _RECENT)
        domains = list(due.order_by("pk"))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dns") as threads:
            proofs = list(threads.map(_ask_proof, domains))
        for domain, proof in zip(domains, proofs, strict=True):
            _keep(domain, proof)
    return len(domains)


def explain(domain: TrackingDomain, finding: Finding | None = None) -> str:
    """What is wrong and what to do, in one or two sentences; empty when nothing is."""
    if finding is None:
        return _explain_state(domain)
    if finding.proof == Proof.UNASKED:
        return _("The DNS could not be asked. Nothing was changed; try again in a few minutes.")
    if finding.proof == Proof.OTHER:
        return _(
            "The TXT record %(name)s holds another value. Replace it by the one in `records`; a change may take an "
            "hour to be seen."
        ) % {"name": proof_name(domain.host)}
    if finding.proof == Proof.ABSENT:
        return _(
            "There is no TXT record %(name)s. Add the one in `records`; a new one may take an hour to be seen."
        ) % {"name": proof_name(domain.host)}
    if finding.leads_anywhere is False:
        return _("The domain is proven, but %(host)s leads nowhere yet. Add the CNAME record in `records`.") % {
            "host": domain.host
        }
    return ""


def _explain_state(domain: TrackingDomain) -> str:
    if domain.missing_since is None:
        return ""
    name = proof_name(domain.host)
    if domain.proven_at:
        sentence = _("The proof is missing. Put %(name)s back, or the domain will not be used after three days.")
    else:
        sentence = _("The proof was missing for three days: the domain is not used. Put %(name)s back and verify.")
    return sentence % {"name": name}


def _ask(domain: TrackingDomain) -> Finding:
    proof = _ask_proof(domain)
    if proof != Proof.RIGHT:
        return Finding(proof)
    try:
        return Finding(proof, has_address(domain.host))
    except Unasked:
        return Finding(proof)


def _ask_proof(domain: TrackingDomain) -> Proof:
    try:
        return weigh_proof(read_texts(proof_name(domain.host)), domain.token)
    except Unasked:
        return Proof.UNASKED


def _keep(domain: TrackingDomain, proof: Proof) -> None:
    if proof == Proof.UNASKED:
        return
    try:
        with transaction.atomic():
            domain.refresh_from_db(from_queryset=TrackingDomain.objects.select_for_update())
            was_proven = domain.proven_at is not None
            _weigh(domain, proof)
            domain.save(update_fields=["checked_at", "proven_at", "missing_since"])
    except TrackingDomain.DoesNotExist:
        return  # removed while the DNS was asked
    except IntegrityError as error:
        raise NotPossible(
            _("Another account uses this domain. It becomes free three days after its proof is taken out of the DNS.")
        ) from error
    if was_proven != (domain.proven_at is not None):
        log.info("domain.changed", host=domain.host, outcome="proven" if domain.proven_at else "lost")


def _weigh(domain: TrackingDomain, proof: Proof) -> None:
    now = timezone.now()
    domain.checked_at = now
    if proof == Proof.RIGHT:
        domain.proven_at, domain.missing_since = domain.proven_at or now, None
    elif domain.proven_at:
        domain.missing_since = domain.missing_since or now
        domain.proven_at = None if now - domain.missing_since >= GRACE else domain.proven_at


@contextlib.contextmanager
def _alone() -> Iterator[bool]:
    """False where somebody else is at it. The lock is the connection's: no transaction waits for the DNS."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock({_ONE_AT_A_TIME})")
        (is_alone,) = cursor.fetchone()
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute(f"SELECT pg_advisory_unlock({_ONE_AT_A_TIME})")
