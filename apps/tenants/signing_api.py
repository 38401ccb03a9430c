"""REST of signing keys: what a customer's server signs its batches of events with (docs/events-batch.md)."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.errors import NotFound
from apps.tenants.models import SigningKey
from apps.tenants.services import create_signing_key, revoke_signing_key


class SigningKeyInput(serializers.Serializer[Any]):
    """`may_send_clear` lets the key's holder send e-mails and phones in clear, which are then hashed on arrival."""

    name = serializers.CharField(max_length=80)
    may_send_clear = serializers.BooleanField(default=False)


class SigningKeyOutput(serializers.ModelSerializer[SigningKey]):
    """A key without its secret."""

    class Meta:
        model = SigningKey
        fields = ("key_id", "name", "may_send_clear", "created_at", "last_used_at", "revoked_at")


class NewSigningKey(serializers.ModelSerializer[SigningKey]):
    """A key with its secret, which is told this once."""

    secret = serializers.CharField()

    class Meta:
        model = SigningKey
        fields = ("key_id", "secret", "name", "may_send_clear", "created_at")


@extend_schema(tags=["signing keys"])
class SigningKeyViewSet(ListModelMixin, GenericViewSet[SigningKey]):
    """The account's signing keys. Two may live at once, so that one can be replaced without a gap."""

    serializer_class = SigningKeyOutput
    lookup_field = "key_id"
    lookup_value_converter = "slug"

    def get_queryset(self) -> QuerySet[SigningKey]:
        rows: QuerySet[SigningKey] = SigningKey.objects.all()
        return rows

    @extend_schema(request=SigningKeyInput, responses={201: NewSigningKey})
    def create(self, request: Request) -> Response:
        body = SigningKeyInput(data=request.data)
        body.is_valid(raise_exception=True)
        created = create_signing_key(**body.validated_data)
        return Response(
            NewSigningKey(created).data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key_id: str) -> Response:
        """Revoke it: what is signed with it is refused from then on. Revoking it again changes nothing."""
        key = self.get_queryset().filter(key_id=key_id).first()
        if key is None:
            raise NotFound(_("There is no such signing key in this account. Check its id."))
        revoke_signing_key(key)
        return Response(status=status.HTTP_204_NO_CONTENT)
