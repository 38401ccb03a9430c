"""REST of funnels (DESIGN section 8). Secrets and tokens go in and never come out."""

from apps.funnels.api.outputs import FunnelOutput
from apps.funnels.api.views import CredentialCheckView, FunnelViewSet, select_funnels

__all__ = ["CredentialCheckView", "FunnelOutput", "FunnelViewSet", "select_funnels"]
