"""Use-cases of accounts: the only writers of users, tenants, members, API keys and signing keys."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import BadInput
from apps.core.ids import new_id
from apps.tenants.models import ApiKey, Member, Role, SigningKey, Tenant, User
from apps.tenants.scoping import tenant_scope, unscoped

KEY_PREFIX = "hub_"
SIGNING_KEY_PREFIX = "sk_"
SIGNING_SECRET_PREFIX = "sks_"  # noqa: S105 - a prefix
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, repr=False)
class NewTenant:
    """What `create_tenant` made; `api_key` and `password` are shown this once."""

    tenant: Tenant
    api_key: str
    email: str
    password: str


def create_tenant(*, name: str, email: str, password: str | None = None, is_staff: bool = False) -> NewTenant:
    """A tenant with its owner and first API key; raises BadInput for a bad or taken e-mail."""
    name, email = name.strip(), email.strip().lower()
    if not name or len(name) > 150:
        raise BadInput(_("Give the account a name of 1 to 150 characters."), fields={"name": _("1 to 150 characters")})
    _check_email(email)
    password = password or secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            owner = User.objects.create_user(email, password, is_staff=is_staff, is_superuser=is_staff)
            tenant = Tenant.objects.create(name=name)
            with tenant_scope(tenant.pk):
                Member.objects.create(user=owner, role=Role.OWNER)
                key = create_api_key(name="first")
    except IntegrityError as error:
        raise BadInput(
            _("There is already a user with this e-mail address. Use another one."),
            fields={"email": _("already in use")},
        ) from error
    return NewTenant(tenant=tenant, api_key=key, email=email, password=password)


def _check_email(email: str) -> None:
    try:
        User._meta.get_field("email").clean(email, None)
    except ValidationError as error:
        raise BadInput(
            _("Give an e-mail address such as ana@example.com."), fields={"email": _("not an e-mail address")}
        ) from error


def create_api_key(*, name: str) -> str:
    """A new key of the tenant in scope, in clear: it cannot be shown again."""
    key = new_id(KEY_PREFIX, length=40)
    ApiKey.objects.create(name=name, prefix=key[:12], digest=digest_of(key))
    return key


def revoke_api_key(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def digest_of(key: str) -> str:
    """A key holds 200 random bits, so a plain SHA-256 cannot be searched through."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_api_key(key: str) -> ApiKey | None:
    """The live key, its use noted at most once a minute."""
    with unscoped():
        found: ApiKey | None = ApiKey.objects.filter(digest=digest_of(key), revoked_at=None).first()
        if found:
            _note_use(found)
    return found


def create_signing_key(*, name: str, may_send_clear: bool = False) -> SigningKey:
    """A new key of the tenant in scope; what it returns holds the secret, which is shown this once."""
    created: SigningKey = SigningKey.objects.create(
        name=name,
        key_id=new_id(SIGNING_KEY_PREFIX, length=16),
        secret=new_id(SIGNING_SECRET_PREFIX, length=52),
        may_send_clear=may_send_clear,
    )
    return created


def revoke_signing_key(key: SigningKey) -> None:
    SigningKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def find_signing_key(key_id: str) -> SigningKey | None:
    """The live key of this id. Its use is noted apart, once its signature has been found right."""
    with unscoped():
        found: SigningKey | None = SigningKey.objects.filter(key_id=key_id, revoked_at=None).first()
    return found


def note_signing_key_use(key: SigningKey) -> None:
    with unscoped():
        _note_use(key)


def _note_use(key: ApiKey | SigningKey) -> None:
    """At most once a minute: a key that is busy must not cost a write a request."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - _USE_NOTED_EVERY:
        type(key).objects.filter(pk=key.pk).update(last_used_at=now)
