"""What reading may end in."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import HubError


class TooMuchToCount(HubError):
    """The rows of the period are more than can be counted while somebody waits. Trying again does not help."""

    status = 503
    code = "too_much_to_count"
    title = _("This takes too long to count")

    def __init__(self) -> None:
        super().__init__(_("Ask for fewer days. Nothing is wrong with the funnel."))
