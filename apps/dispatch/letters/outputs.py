"""The JSON of dead letters, their sums and replays, and the columns of their CSV."""

from collections.abc import Collection, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api import MoneyText
from apps.dispatch.letters.letters import Answer, Letter
from apps.dispatch.letters.summary import Pile
from apps.dispatch.letters.words import explain_obstacle
from apps.dispatch.models import Replay
from apps.dispatch.services.replays import estimate_end, remaining

COLUMNS = (
    *("queue", "id", "event_id", "event_name", "order_id", "status", "reason", "sentence", "next_step", "since"),
    *("value", "currency", "funnel", "platform", "pixel_id", "destination_id", "attempts"),
    *("http_status", "code", "subcode"),
)


class AnswerOutput(serializers.Serializer[Answer]):
    """What the platform said last."""

    outcome = serializers.CharField()
    http_status = serializers.IntegerField(allow_null=True)
    code = serializers.IntegerField(allow_null=True)
    subcode = serializers.IntegerField(allow_null=True)


class LetterOutput(serializers.Serializer[Any]):
    """A dead letter. `id` names it in a replay; `value` is null where no money is known.

    `may_be_replayed` is false when consent, the deadline or the doubt whether it arrived forbids it: `why_not` says
    which. Destination, status and answer are those of a send, and null in the other queues.
    """

    queue = serializers.CharField()
    id = serializers.CharField()
    event_id = serializers.CharField(allow_null=True)
    event_name = serializers.CharField(allow_blank=True)
    order_id = serializers.CharField(allow_null=True)
    destination_id = serializers.UUIDField(source="destination.pk", default=None, allow_null=True)
    platform = serializers.CharField(source="destination.platform", default=None, allow_null=True)
    pixel_id = serializers.CharField(source="destination.pixel_id", default=None, allow_null=True)
    funnel_id = serializers.UUIDField(source="funnel.pk")
    funnel = serializers.CharField(source="funnel.name")
    value = MoneyText()
    currency = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    sentence = serializers.CharField()
    next_step = serializers.CharField()
    since = serializers.DateTimeField()
    attempts = serializers.IntegerField()
    last_answer = AnswerOutput(source="answer", allow_null=True)
    may_be_replayed = serializers.SerializerMethodField()
    why_not = serializers.SerializerMethodField()

    def get_may_be_replayed(self, letter: Letter) -> bool:
        return letter.key not in self.context["obstacles"]

    def get_why_not(self, letter: Letter) -> str:
        return str(self.context["obstacles"].get(letter.key, ""))


class LetterMoney(serializers.Serializer[Any]):
    """A sum in one currency; the currency is empty where the gateway told none."""

    currency = serializers.CharField(allow_blank=True)
    amount = MoneyText()


class PileOutput(serializers.Serializer[Any]):
    """Letters of one queue, reason and destination; money is that of sales alone."""

    queue = serializers.CharField()
    reason = serializers.CharField()
    sentence = serializers.CharField()
    next_step = serializers.CharField()
    destination_id = serializers.UUIDField(source="destination.pk", default=None, allow_null=True)
    platform = serializers.CharField(source="destination.platform", default=None, allow_null=True)
    pixel_id = serializers.CharField(source="destination.pixel_id", default=None, allow_null=True)
    count = serializers.IntegerField()
    money = serializers.SerializerMethodField()
    oldest = serializers.DateTimeField()

    @extend_schema_field(LetterMoney(many=True))
    def get_money(self, pile: Pile) -> Any:
        sums = [{"currency": currency, "amount": amount} for currency, amount in sorted(pile.money.items())]
        return LetterMoney(sums, many=True).data


class QueueOutput(serializers.Serializer[Any]):
    """All letters of a queue together; `oldest` is null in an empty one."""

    queue = serializers.CharField()
    count = serializers.IntegerField()
    oldest = serializers.DateTimeField(allow_null=True)


class SummaryOutput(serializers.Serializer[Any]):
    """Every queue, and every pile of letters with the largest first."""

    queues = QueueOutput(many=True)
    piles = PileOutput(many=True)


class SkippedOutput(serializers.Serializer[Any]):
    """Letters that were left alone for one reason."""

    reason = serializers.CharField()
    count = serializers.IntegerField()
    sentence = serializers.CharField()


class ReplayOutput(serializers.ModelSerializer[Replay]):
    """A replay, ended or under way. `filter` is what was asked for; `remaining` have not been looked at yet."""

    replay_id = serializers.UUIDField(source="pk")
    state = serializers.CharField()
    filter = serializers.JSONField(source="filters")
    remaining = serializers.SerializerMethodField()
    skipped = serializers.SerializerMethodField()
    estimated_end_at = serializers.SerializerMethodField()

    class Meta:
        model = Replay
        fields = (
            *("replay_id", "state", "filter", "per_minute", "total", "released", "remaining", "skipped", "actor"),
            *("created_at", "next_at", "finished_at", "estimated_end_at"),
        )

    def get_remaining(self, replay: Replay) -> int:
        return remaining(replay)

    @extend_schema_field(SkippedOutput(many=True))
    def get_skipped(self, replay: Replay) -> Any:
        rows = [
            {"reason": word, "count": count, "sentence": explain_obstacle(word)}
            for word, count in sorted(replay.skipped.items())
        ]
        return SkippedOutput(rows, many=True).data

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_estimated_end_at(self, replay: Replay) -> Any:
        end = estimate_end(replay)
        return serializers.DateTimeField().to_representation(end) if end else None


def queue_sums(piles: Sequence[Pile], queues: Collection[str]) -> list[dict[str, Any]]:
    """What QueueOutput shows of each of `queues`."""
    return [
        {
            "queue": queue,
            "count": sum(pile.count for pile in piles if pile.queue == queue),
            "oldest": min((pile.oldest for pile in piles if pile.queue == queue and pile.oldest), default=None),
        }
        for queue in queues
    ]


def csv_cells(letter: Letter) -> list[object]:
    """In the order of COLUMNS."""
    answer, destination = letter.answer, letter.destination
    return [
        *(letter.queue, letter.id, letter.event_id, letter.event_name, letter.order_id, letter.status, letter.reason),
        *(letter.sentence, letter.next_step, letter.since, letter.value, letter.currency, letter.funnel.name),
        *((destination.platform, destination.pixel_id, destination.pk) if destination else ("", "", "")),
        letter.attempts,
        *((answer.http_status, answer.code, answer.subcode) if answer else ("", "", "")),
    ]
