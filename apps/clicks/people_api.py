"""REST of people: who a hash belongs to, what is known of somebody, and the undoing of a merge."""

import re
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.clicks.models import Click, Identity, Person, PersonMerge
from apps.clicks.people import undo_merge
from apps.clicks.selectors import devices_of, find_people, list_merges, merges_of, visits_of
from apps.core.errors import BadInput
from apps.tenants.authentication import actor_of

_EMAIL = OpenApiParameter("email_sha256", str, description="SHA-256 of the e-mail address, 64 hexadecimal digits.")
_PHONE = OpenApiParameter("phone_sha256", str, description="SHA-256 of the phone number, 64 hexadecimal digits.")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class PersonOutput(serializers.ModelSerializer[Person]):
    """Somebody; `merged_into` names whom they turned out to be."""

    id = serializers.CharField(source="public_id")
    merged_into = serializers.CharField(source="merged_into.public_id", default=None, allow_null=True)

    class Meta:
        model = Person
        fields = ("id", "created_at", "merged_into")


class IdentityOutput(serializers.ModelSerializer[Identity]):
    """A hash by which somebody is known: `kind` is em, ph or external_id."""

    sha256 = serializers.CharField(source="digest")

    class Meta:
        model = Identity
        fields = ("kind", "sha256", "first_seen_at")


class ClickOutput(serializers.ModelSerializer[Click]):
    """A click, in short."""

    click_id = serializers.CharField(source="public_id")

    class Meta:
        model = Click
        fields = ("click_id", "clicked_at", "utm", "source")


class VisitOutput(serializers.Serializer[Any]):
    """A selectors.Visit: a session, its first and last click, and when something of it was last seen."""

    session_id = serializers.CharField(source="session.public_id")
    funnel_id = serializers.UUIDField(source="session.funnel_id")
    first_seen_at = serializers.DateTimeField(source="session.first_seen_at")
    last_seen_at = serializers.DateTimeField(source="session.last_seen_at")
    first_click = ClickOutput(allow_null=True)
    last_click = ClickOutput(allow_null=True)


class DeviceOutput(serializers.Serializer[Any]):
    """A selectors.Device: a browser of the person's."""

    fbp = serializers.CharField(allow_blank=True)
    user_agent = serializers.CharField(allow_blank=True)
    clicks = serializers.IntegerField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class MergeOutput(serializers.ModelSerializer[PersonMerge]):
    """`merged` turned out to be `kept`, because somebody gave both of them the hash `because`.

    `undone_by` names who took that back: an API key by its name and prefix, or one of the hub's staff.
    """

    kept = serializers.CharField(source="kept.public_id")
    merged = serializers.CharField(source="merged.public_id")
    because = IdentityOutput(source="identity")
    sessions_moved = serializers.SerializerMethodField()
    identities_moved = serializers.SerializerMethodField()

    class Meta:
        model = PersonMerge
        fields = (
            *("id", "kept", "merged", "because", "sessions_moved", "identities_moved"),
            *("merged_at", "undone_at", "undone_by"),
        )

    def get_sessions_moved(self, merge: PersonMerge) -> int:
        return len(merge.moved["sessions"])

    def get_identities_moved(self, merge: PersonMerge) -> int:
        return len(merge.moved["identities"])


class PersonDetail(PersonOutput):
    """Somebody with all that is known of them; sessions and devices are the newest, the last seen first."""

    identities = serializers.SerializerMethodField()
    sessions = serializers.SerializerMethodField()
    devices = serializers.SerializerMethodField()
    merges = serializers.SerializerMethodField()

    class Meta(PersonOutput.Meta):
        fields = (*PersonOutput.Meta.fields, "identities", "sessions", "devices", "merges")  # type: ignore[assignment]

    @extend_schema_field(IdentityOutput(many=True))
    def get_identities(self, person: Person) -> Any:
        return IdentityOutput(person.identities.order_by("pk"), many=True).data

    @extend_schema_field(VisitOutput(many=True))
    def get_sessions(self, person: Person) -> Any:
        return VisitOutput(visits_of(person), many=True).data

    @extend_schema_field(DeviceOutput(many=True))
    def get_devices(self, person: Person) -> Any:
        return DeviceOutput(devices_of(person), many=True).data

    @extend_schema_field(MergeOutput(many=True))
    def get_merges(self, person: Person) -> Any:
        return MergeOutput(merges_of(person), many=True).data


def _digest(request: Request, name: str) -> str:
    text = request.query_params.get(name, "").lower()
    if text and not _DIGEST.fullmatch(text):
        raise BadInput(_("Send hashes, never clear text."), fields={name: _("64 hexadecimal digits are expected.")})
    return text


@extend_schema(tags=["people"], parameters=[_EMAIL, _PHONE])
class PersonList(ListAPIView[Person]):
    """Whom a hash belongs to: nobody or one. With both hashes, who has both."""

    serializer_class = PersonOutput

    def get_queryset(self) -> QuerySet[Person]:
        email, phone = (_digest(self.request, name) for name in ("email_sha256", "phone_sha256"))
        if not email and not phone:
            raise BadInput(_("Name whom you look for."), fields={"email_sha256": _("This field is required.")})
        return find_people(email_sha256=email, phone_sha256=phone)


@extend_schema(tags=["people"])
class PersonView(APIView):
    """One person. Who was merged into another is still found, without what was moved."""

    @extend_schema(responses=PersonDetail)
    def get(self, request: Request, person_id: str) -> Response:
        person = get_object_or_404(Person.objects.select_related("merged_into"), public_id=person_id)
        return Response(PersonDetail(person).data)


@extend_schema(tags=["people"])
class MergeUndo(APIView):
    """Take a merge back: the two stay apart from now on. 409 when it was undone before."""

    @extend_schema(request=None, responses=MergeOutput)
    def post(self, request: Request, pk: int) -> Response:
        merge = get_object_or_404(list_merges(), pk=pk)
        return Response(MergeOutput(undo_merge(merge.pk, actor_of(request))).data)
