"""What adding up may end in."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import HubError


class TooMuchToAddUp(HubError):
    """More orders than can be added up while somebody waits. Trying again does not help; fewer days do."""

    status = 503
    code = "too_much_to_count"
    title = _("This takes too long to count")

    def __init__(self) -> None:
        super().__init__(_("Ask for fewer days with `since` and `until`, or for one funnel. No sale is lost."))
