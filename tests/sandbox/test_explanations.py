"""Every refusal in words, and a token never in clear."""

import pytest
from django.test import Client
from django.utils import translation

from apps.sandbox.explanations import explain_refusal
from apps.sandbox.models import ReceivedRequest
from tests.sandbox.conftest import Post
from tests.sandbox.pages import read
from tests.sandbox.samples import EMAIL, Json, make_event, user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["pt-br", "en"])
def test_every_refusal_that_can_happen_has_words_of_its_own(language: str, send: Post) -> None:
    spoilt: list[tuple[Json, Json]] = [
        ({"event_time": 0}, {}),
        (user(em="x"), {}),
        (user(fbc="x"), {}),
        ({"user_data": {}}, {}),
        ({"custom_data": {}}, {}),
        ({"custom_data": {"value": 1}}, {}),
        ({"opt_out": 1}, {}),
        ({}, {"headers": {}}),
        *(
            ({}, {"headers": {"Authorization": f"Bearer {word}"}})
            for word in ("a b", "expired", "revoked", "forbidden")
        ),
        ({}, {"path": "/v20.0/1/events"}),
        ({}, {"path": "/v9.0/1/events"}),
    ]
    for change, call in spoilt:
        send(make_event(**change), **call)

    with translation.override(language):
        codes = ReceivedRequest.objects.values_list("error_code", "error_subcode")
        words = {str(explain_refusal(code or 0, subcode)) for code, subcode in codes}
        unknown = str(explain_refusal(1, None))

    assert len(words) == len(spoilt)
    assert unknown not in words


def test_an_unknown_subcode_falls_back_to_its_code() -> None:
    assert explain_refusal(190, 999) == explain_refusal(190, None)
    assert explain_refusal(190, 463) != explain_refusal(190, None)


def test_a_token_is_shown_by_its_fingerprint_only(http: Client, send: Post) -> None:
    send(make_event(**user(em=[EMAIL])), headers={"Authorization": "Bearer top-secret-token"})

    page = read(http)

    assert "top-secret-token" not in page
    assert ReceivedRequest.objects.get().token_fingerprint in page
