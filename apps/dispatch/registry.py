"""The ad platforms that can be sent to: one line each, and one more for each of the two things that not all can do."""

from collections.abc import Mapping

from apps.dispatch.http_gateway.platform import HttpGateway
from apps.dispatch.meta import versions as meta_versions
from apps.dispatch.meta.platform import MetaPlatform
from apps.dispatch.meta.tokens import MetaTokens
from apps.dispatch.platform import Platform, host_of
from apps.dispatch.tiktok import versions as tiktok_versions
from apps.dispatch.tiktok.platform import TikTokPlatform
from apps.dispatch.tokens.keeper import TokenKeeper
from apps.dispatch.versions.calendar import Calendar

PLATFORMS: dict[str, Platform] = {
    "meta": MetaPlatform(),
    "tiktok": TikTokPlatform(),
    "http": HttpGateway(),
}
# Those that tell how long a token lasts.
TOKEN_KEEPERS: Mapping[str, TokenKeeper] = {"meta": MetaTokens()}
# Those whose API has versions that end.
CALENDARS: Mapping[str, Calendar] = {"meta": meta_versions.CALENDAR, "tiktok": tiktok_versions.CALENDAR}


def host_at(platform: str, base_url: str) -> str:
    """Where a destination of `platform` sends that names this address, or none."""
    return host_of(PLATFORMS[platform].resolve(base_url=base_url, api_version="")[0])
