"""Secrets, cookies, headers, limits."""

from hubtrack.env import env, secret

SECRET_KEY = secret("DJANGO_SECRET_KEY")
# Fernet keys, newest first: the first encrypts, all of them decrypt.
HUBTRACK_SECRET_KEYS = secret("HUBTRACK_SECRET_KEYS").split(",")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Who is asked for the proofs of tracking domains: "address" or "address:port"; empty asks whom the system asks.
DNS_SERVERS = env.list("DNS_SERVERS", default=[])
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

HTTPS_ONLY = env.bool("HTTPS_ONLY", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
# A proxy asks before there is a certificate, and beside its own traffic (docs/tracking-domains.md).
SECURE_REDIRECT_EXEMPT = [r"^t/domains$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
APPEND_SLASH = False

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

MAX_BODY_BYTES = 1024 * 1024
# By address; all others take MAX_BODY_BYTES.
LARGER_BODIES = {"/api/v1/ledger/reconcile": 5 * 1024 * 1024}
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
