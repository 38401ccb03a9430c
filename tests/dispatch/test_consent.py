"""Consent: a person's word is final, the funnel decides only where there is none."""

from typing import Literal

import pytest

from apps.dispatch.consent import ConsentReason, find_consent_reason, may_send


@pytest.mark.parametrize(
    ("consent_ads", "unknown_consent", "sends", "reason"),
    [
        (True, "send", True, "granted"),
        (True, "block", True, "granted"),
        (False, "send", False, "denied"),
        (False, "block", False, "denied"),
        (None, "send", True, "unknown_sent"),
        (None, "block", False, "unknown_blocked"),
    ],
)
def test_every_combination(
    consent_ads: bool | None, unknown_consent: Literal["send", "block"], sends: bool, reason: str
) -> None:
    assert may_send(consent_ads, unknown_consent) is sends
    assert find_consent_reason(consent_ads, unknown_consent) is ConsentReason(reason)


def test_a_setting_that_nobody_defined_sends_nothing() -> None:
    with pytest.raises(KeyError):
        may_send(None, "SEND")  # type: ignore[arg-type]
