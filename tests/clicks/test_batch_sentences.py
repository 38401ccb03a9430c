"""What is told of events that are refused or kept in part: each word has its sentence, in the sender's language."""

import json
import time
from typing import Any

import pytest

from apps.clicks.models import PageEvent
from apps.clicks.sentences import SENTENCES, sentence_on
from apps.tenants.scoping import unscoped
from tests.clicks.batches import Server, make_server
from tests.clicks.hits import stored
from tests.worlds import World


@pytest.fixture
def server(world: World) -> Server:
    return make_server(world)


@pytest.mark.parametrize("word", [*SENTENCES, "too_long", "too_many_hashes", "not_an_event_name"])
def test_a_sentence_is_whole(word: str) -> None:
    sentence = sentence_on("fbclid", word)

    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "%" not in sentence


def test_limits_are_told() -> None:
    assert "2048" in sentence_on("fbclid", "too_long")
    assert "10 " in sentence_on("user.em", "too_many_hashes")
    assert "add_to_cart, " in sentence_on("event_name", "not_an_event_name")


def test_what_was_left_out_is_warned_of_and_the_event_kept(server: Server) -> None:
    result = server.one(server.event(ip="10.0.0.7", fbclId="x", data={"num_items": "two"}, user_agent="Googlebot/2.1"))

    assert result["status"] == "recorded"
    assert sorted(result["warnings"]) == ["data.num_items", "fbclId", "ip", "user_agent"]
    assert all(sentence.endswith(".") for sentence in result["warnings"].values())
    with unscoped():
        assert PageEvent.objects.get().is_buffered is False


def test_every_word_has_its_sentence(server: Server) -> None:
    wrong: list[dict[str, Any]] = [
        {"event_id": "a b"},
        {"event_name": "Scroll"},
        {"event_name": "Purchase"},
        {"event_time": "soon"},
        {"event_time": 1},
        {"event_time": time.time() + 1000},
        {"user": 7},
        {"user": {"em": ["a" * 64] * 11}},
        {"user": {"cpf": "1"}},
        {"name": "Ana"},
        {"email": "ana@example.com"},
        {"email": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"url": "x"},
        {"fbclid": "x" * 2049},
        {"fbc": []},
        {"consent_ads": 1},
    ]

    results = server.send(*[{**server.event(), **members} for members in wrong])["results"]

    for members, result in zip(wrong, results, strict=True):
        assert result["status"] == "refused"
        (sentence,) = result["errors"].values()
        assert sentence.endswith("."), members
    assert stored() == (0, 0, 0)


def test_every_warning_has_its_sentence(server: Server) -> None:
    clear = make_server(server.world, may_send_clear=True)
    data = {
        "value": "x",
        "currency": "x",
        "content_ids": [1.5],
        "content_name": 7.5,
        "content_type": "x",
        "num_items": -1,
    }

    first = clear.one(clear.event(ip="x", data=data, user={"em": "x", "cpf": "1"}, unheard_of=1))
    second = clear.one(clear.event("e2", ip="10.0.0.1", data=7, user_agent="Googlebot"))

    assert len(first["warnings"]) == 10
    assert len(second["warnings"]) == 3
    assert all(text.endswith(".") for result in (first, second) for text in result["warnings"].values())


def test_sentences_are_in_the_senders_language(server: Server) -> None:
    body = json.dumps({"events": [server.event(event_time=1)]}).encode()

    english = server.post(body, {"Accept-Language": "en"}).json()["results"][0]["errors"]

    assert english == {"event_time": "This is more than 7 days ago, and ad platforms take nothing older."}
