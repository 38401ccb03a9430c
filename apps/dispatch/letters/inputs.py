"""What a caller may ask of dead letters: the same filters in an address and in a body."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.dispatch.letters.filters import OF_SENDS, Condition, Filters, Queue
from apps.dispatch.services.replays import MOST_PER_MINUTE, PER_MINUTE, Wish
from apps.funnels.models import Platform

MOST_IDS = 1000


class FilterInput(serializers.Serializer[Any]):
    """Which letters. `since` and `until` (ISO 8601) bound when each came to stand still."""

    queue = serializers.ChoiceField(choices=[queue.value for queue in Queue], default=Queue.DISPATCH.value)
    status = serializers.ChoiceField(choices=[word.value for word in Condition], required=False)
    reason = serializers.CharField(max_length=60, required=False)
    destination = serializers.UUIDField(required=False)
    funnel = serializers.UUIDField(required=False)
    platform = serializers.ChoiceField(choices=Platform.choices, required=False)
    min_value = serializers.DecimalField(18, 3, min_value=0, required=False)
    max_value = serializers.DecimalField(18, 3, min_value=0, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        foreign = [] if attrs["queue"] == Queue.DISPATCH else [name for name in OF_SENDS if name in attrs]
        if foreign:
            raise serializers.ValidationError({name: _("This queue's letters have none.") for name in foreign})
        return attrs


def read_filters(given: Any) -> Filters:
    """Raises ValidationError with the fields that cannot be read."""
    asked = FilterInput(data=given)
    asked.is_valid(raise_exception=True)
    values = dict(asked.validated_data)
    status = Condition(values.pop("status")) if "status" in values else None
    return Filters(**values | {"queue": Queue(values["queue"]), "status": status})


class ReplayInput(serializers.Serializer[Any]):
    """Either `ids` (event ids, or the ids of the other queues' letters), or a `filter`; an empty one means all.

    `force` also sends again what may have arrived although its answer was lost, and could count twice.
    """

    queue = serializers.ChoiceField(choices=[queue.value for queue in Queue], default=Queue.DISPATCH.value)
    ids = serializers.ListField(
        child=serializers.CharField(max_length=100), min_length=1, max_length=MOST_IDS, required=False
    )
    filter = FilterInput(required=False)
    per_minute = serializers.IntegerField(min_value=1, max_value=MOST_PER_MINUTE, default=PER_MINUTE)
    force = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": _("Send either `ids` or `filter`.")})
        return attrs


def read_wish(given: Any, actor: str) -> Wish:
    """Raises ValidationError with the fields that cannot be read."""
    asked = ReplayInput(data=given)
    asked.is_valid(raise_exception=True)
    values = asked.validated_data
    if "ids" in values:
        filters = Filters(queue=Queue(values["queue"]), ids=tuple(values["ids"]))
    else:
        filters = read_filters(given["filter"])
    return Wish(filters, values["per_minute"], force=values["force"], actor=actor)
