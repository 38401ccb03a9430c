"""Encryption at rest: what the database holds is unreadable, keys can be replaced, and a wrong key says so."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from apps.conversions.models import Quarantine
from apps.core.checks import check_secret_keys
from apps.core.crypto import InvalidToken, decrypt, encrypt, rotate
from apps.core.fields import EncryptedBytesField, EncryptedTextField
from apps.core.management.commands import rotate_secrets
from apps.funnels.models import Destination, Endpoint
from apps.tenants.scoping import unscoped
from tests.worlds import SECRETS, World

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


def stored(table: str, column: str) -> list[bytes]:
    """The column as it lies in the database."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY id")
        return [bytes(token) for (token,) in cursor.fetchall()]


def is_readable_with(key: str, token: bytes) -> bool:
    try:
        Fernet(key).decrypt(token)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize("clear", [b"", b"secret", bytes(range(256)), b"x" * 1_000_000])
def test_what_was_encrypted_is_read_back_to_the_byte(clear: bytes) -> None:
    token = encrypt(clear)

    assert decrypt(token) == clear
    assert clear == b"" or clear not in token


def test_the_first_key_encrypts_and_all_decrypt(settings: Any) -> None:
    settings.HUBTRACK_SECRET_KEYS = [OLD]
    old_token = encrypt(b"secret")

    settings.HUBTRACK_SECRET_KEYS = [NEW, OLD]
    new_token = encrypt(b"secret")

    assert (decrypt(old_token), decrypt(new_token)) == (b"secret", b"secret")
    assert (is_readable_with(NEW, new_token), is_readable_with(NEW, old_token)) == (True, False)


def test_a_rotated_token_needs_the_old_key_no_more(settings: Any) -> None:
    settings.HUBTRACK_SECRET_KEYS = [OLD]
    token = encrypt(b"secret")

    settings.HUBTRACK_SECRET_KEYS = [NEW, OLD]
    rotated = rotate(token)

    settings.HUBTRACK_SECRET_KEYS = [NEW]
    assert decrypt(rotated) == b"secret"
    with pytest.raises(InvalidToken):
        decrypt(token)


@pytest.mark.parametrize("damage", [b"", b"x", b"gAAAAA"])
def test_what_is_no_token_of_ours_is_refused(damage: bytes) -> None:
    with pytest.raises(InvalidToken):
        decrypt(damage)


@pytest.mark.parametrize("keys", [[], [""], ["short"], ["ñ" * 44], [OLD, "short"], ["x" * 44]])
def test_a_bad_key_is_named_when_the_hub_starts(settings: Any, keys: list[str]) -> None:
    settings.HUBTRACK_SECRET_KEYS = keys

    (error,) = check_secret_keys()

    assert error.id == "hubtrack.E001"
    assert error.msg.startswith("HUBTRACK_SECRET_KEYS must be Fernet keys (32 bytes, URL-safe base64)")
    assert not any(key and key in error.msg for key in keys)


def test_good_keys_pass_the_check(settings: Any) -> None:
    settings.HUBTRACK_SECRET_KEYS = [NEW, OLD]

    assert check_secret_keys() == []


def test_secrets_and_tokens_lie_encrypted_in_the_database(world: World) -> None:
    tokens = stored("funnels_endpoint", "secret") + stored("funnels_destination", "access_token")

    assert len(tokens) == len(SECRETS) + 1
    for token in tokens:
        assert not [secret for secret in (*SECRETS.values(), "token-of-ana") if secret.encode() in token]
    with unscoped():
        assert {row.secret for row in Endpoint.objects.all()} == set(SECRETS.values())
        assert Destination.objects.get().access_token == "token-of-ana"


def test_nothing_stays_nothing(world: World) -> None:
    assert stored("funnels_endpoint", "previous_secret") == []
    with unscoped():
        assert {row.previous_secret for row in Endpoint.objects.all()} == {None}


def test_an_encrypted_field_is_never_offered_for_editing() -> None:
    assert not EncryptedBytesField().editable
    assert not EncryptedTextField(editable=True).editable


def test_rotate_secrets_writes_everything_anew(world: World, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    world.post_webhook(b"{", gateway="hotmart")
    world.patch(f"funnels/{world.funnel.pk}", {"endpoints": [{"gateway": "hotmart", "secret": "hottok-0002"}]})
    settings.HUBTRACK_SECRET_KEYS = [NEW, *settings.HUBTRACK_SECRET_KEYS]

    call_command("rotate_secrets", "--batch", "1")

    assert sorted(capsys.readouterr().out.splitlines()) == [
        "conversions.Quarantine: 1 rows",
        "funnels.Destination: 1 rows",
        f"funnels.Endpoint: {len(SECRETS)} rows",
        "tenants.SigningKey: 0 rows",
    ]
    settings.HUBTRACK_SECRET_KEYS = [NEW]
    with unscoped():
        secrets = {row.gateway: (row.secret, row.previous_secret) for row in Endpoint.objects.all()}
        unchanged = {slug: (secret, None) for slug, secret in SECRETS.items()}
        assert secrets == unchanged | {"hotmart": ("hottok-0002", SECRETS["hotmart"])}
        assert Destination.objects.get().access_token == "token-of-ana"
        assert Quarantine.objects.get().body == b"{"


def test_rotate_secrets_changes_nothing_else(world: World, settings: Any) -> None:
    with unscoped():
        before = list(Destination.objects.values("id", "token_saved_at", "pixel_id", "created_at"))
    settings.HUBTRACK_SECRET_KEYS = [NEW, *settings.HUBTRACK_SECRET_KEYS]

    call_command("rotate_secrets")

    with unscoped():
        assert list(Destination.objects.values("id", "token_saved_at", "pixel_id", "created_at")) == before


def test_rotate_secrets_can_be_run_twice(world: World, settings: Any) -> None:
    settings.HUBTRACK_SECRET_KEYS = [NEW, *settings.HUBTRACK_SECRET_KEYS]

    call_command("rotate_secrets")
    call_command("rotate_secrets")

    assert all(is_readable_with(NEW, token) for token in stored("funnels_endpoint", "secret"))


def test_rotate_secrets_works_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    rotate_batch = rotate_secrets._rotate_batch

    def note_size(*args: Any) -> list[Any]:
        keys = rotate_batch(*args)
        sizes.append(len(keys))
        return keys

    monkeypatch.setattr(rotate_secrets, "_rotate_batch", note_size)

    assert rotate_secrets._rotate(Endpoint, ["secret"], 1) == len(SECRETS)
    assert sizes == [*([1] * len(SECRETS)), 0]


def test_rotate_secrets_tells_of_a_row_it_cannot_read(world: World, settings: Any) -> None:
    before = stored("funnels_endpoint", "secret")
    settings.HUBTRACK_SECRET_KEYS = [FOREIGN]

    with pytest.raises(CommandError, match=r"A row of funnels\.\w+ was encrypted with a key that HUBTRACK_SECRET_KEYS"):
        call_command("rotate_secrets")

    assert stored("funnels_endpoint", "secret") == before
