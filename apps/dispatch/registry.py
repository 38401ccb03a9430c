"""The ad platforms that can be sent to: one line each."""

from apps.dispatch.meta.platform import MetaPlatform
from apps.dispatch.platform import Platform

PLATFORMS: dict[str, Platform] = {
    "meta": MetaPlatform(),
}
