"""Every setting of the program, from the environment or from `.env`.

The environment wins over `.env`, which is read in the working directory. Each
variable is explained in `.env.example`; a test keeps the two equal.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from dotenv import load_dotenv

from kiro2api import VERSION, environment, logfile
from kiro2api.logging import FORMATS, LEVELS, Sinks, logging_config

load_dotenv(Path.cwd() / ".env")

BASE_DIR = Path(__file__).resolve().parent.parent

# Where it listens

HOST = environment.text("HOST", "127.0.0.1")
PORT = environment.number("PORT", 8080, 0, 65535)
PUBLIC_URL = environment.text("PUBLIC_URL").rstrip("/")
LOOPBACK_ONLY = HOST in environment.LOOPBACK_HOSTS

# Behind a proxy. Pages answer to the hosts below, the API and the probes to any.

public = environment.address_parts("PUBLIC_URL", PUBLIC_URL)
BASE_PATH = public.path
TRUSTED_PROXIES = environment.networks(
    "TRUSTED_PROXIES", ",".join(environment.LOOPBACK_NETWORKS) if PUBLIC_URL else ""
)
ALLOWED_HOSTS = [*environment.LOOPBACK_HOSTS, "[::1]"]
if public.hostname:
    ALLOWED_HOSTS.append(public.hostname)
    CSRF_TRUSTED_ORIGINS = [f"{public.scheme}://{public.netloc}"]
elif not LOOPBACK_ONLY:
    # Nobody said under which name people come: any will do, as in the original.
    ALLOWED_HOSTS = ["*"]
BEHIND_TLS = public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_TLS else 0
FORCE_SCRIPT_NAME = BASE_PATH or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{BASE_PATH}/"

# Where it keeps things

DATA_DIR = Path(environment.text("DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATABASES: dict[str, dict[str, Any]] = {
    "default": environ.Env.db_url_config(
        environment.secret("DATABASE_URL") or f"sqlite:///{DATA_DIR}/kiro2api.sqlite3"
    )
}
DATABASE_POOL_SIZE = environment.number("DATABASE_POOL_SIZE", 8, 1, 100)
SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if SQLITE:
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    # Writers queue up at BEGIN instead of failing half-way; readers never wait.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 0,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 5,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Secrets. With SQLite a first start makes them; with Postgres `checks` asks for them.

SECRET_KEY = environment.secret("SECRET_KEY")
encryption_keys = environment.secret("SECRET_ENCRYPTION_KEYS")
if SQLITE:
    SECRET_KEY = environment.secret_made_once(
        "SECRET_KEY", DATA_DIR / "secret-key", lambda: secrets.token_urlsafe(50)
    )
    encryption_keys = environment.secret_made_once(
        "SECRET_ENCRYPTION_KEYS",
        DATA_DIR / "encryption-keys",
        lambda: Fernet.generate_key().decode(),
    )
SECRET_ENCRYPTION_KEYS = [
    key.strip() for key in encryption_keys.split(",") if key.strip()
]

KIRO_AUTH_TOKEN = environment.secret("KIRO_AUTH_TOKEN")
KIRO_CLIENT_TOKEN = environment.secret("KIRO_CLIENT_TOKEN")
ADMIN_USERNAME = environment.text("ADMIN_USERNAME", "admin")
ADMIN_PASSWORD = environment.secret("ADMIN_PASSWORD")

# What the original calls its mode: it switches debug pages on, nothing else.

GIN_MODE = environment.choice("GIN_MODE", "release", ("debug", "release", "test"))
DEBUG = GIN_MODE == "debug"
DEMO = environment.flag("DEMO", False)

# Upstream. `{region}` becomes the account's region.

KIRO_API_URL = environment.service_address(
    "KIRO_API_URL", "https://q.{region}.amazonaws.com"
)
KIRO_RUNTIME_URL = environment.service_address(
    "KIRO_RUNTIME_URL", "https://runtime.{region}.kiro.dev"
)
KIRO_CONTROL_URL = environment.service_address("KIRO_CONTROL_URL", KIRO_API_URL)
KIRO_AUTH_URL = environment.service_address(
    "KIRO_AUTH_URL", "https://prod.us-east-1.auth.desktop.kiro.dev"
)
KIRO_OIDC_URL = environment.service_address(
    "KIRO_OIDC_URL", "https://oidc.{region}.amazonaws.com"
)
KIRO_USER_AGENT = environment.text("KIRO_USER_AGENT", f"kiro2api/{VERSION}")
UPSTREAM_CONNECT_TIMEOUT = environment.number("UPSTREAM_CONNECT_TIMEOUT", 10.0, 0.1)
UPSTREAM_IDLE_TIMEOUT = environment.number("UPSTREAM_IDLE_TIMEOUT", 240.0, 0.1)
MODEL_ALIASES = environment.pairs("MODEL_ALIASES")
MODEL_FAMILY_FALLBACK = environment.flag("MODEL_FAMILY_FALLBACK", True)
MODEL_NOT_FOUND_STYLE = environment.choice(
    "MODEL_NOT_FOUND_STYLE", "api", ("api", "new-api")
)
ALLOW_REMOTE_IMAGES = environment.flag("ALLOW_REMOTE_IMAGES", False)
MAX_TOOL_DESCRIPTION_LENGTH = environment.number(
    "MAX_TOOL_DESCRIPTION_LENGTH", 10000, 100, 10240
)

# Answers of the Responses API that clients want kept
RESPONSE_RETENTION_DAYS = environment.number("RESPONSE_RETENTION_DAYS", 30, 0, 3650)

# How requests wait when all accounts are at their limits

POOL_QUEUE_SECONDS = environment.number("POOL_QUEUE_SECONDS", 30.0, 0.0, 300.0)
POOL_QUEUE_MOST = environment.number("POOL_QUEUE_MOST", 100, 0, 100_000)

# How requests wait when those of the same key stand in their way, and how long their
# records are kept

CLIENT_QUEUE_SECONDS = environment.number("CLIENT_QUEUE_SECONDS", 10.0, 0.0, 300.0)
USAGE_RETENTION_DAYS = environment.number("USAGE_RETENTION_DAYS", 90, 1, 3650)

# How many keys a person has who makes them without an operator

MY_KEYS_MOST = environment.number("MY_KEYS_MOST", 3, 0, 100)

# E-mail, for alerts. The address holds a password: it is no setting of its own.

email_url = environment.secret("EMAIL_URL")
try:
    email = environ.Env.email_url_config(email_url or "dummymail://")
except (ValueError, ImproperlyConfigured):
    raise ImproperlyConfigured(
        "EMAIL_URL must look like smtp+tls://user:password@smtp.example.com:587."
    ) from None  # the cause may quote the password
EMAIL_BACKEND = email["EMAIL_BACKEND"]
EMAIL_HOST = email["EMAIL_HOST"] or "localhost"
EMAIL_PORT = email["EMAIL_PORT"]
EMAIL_HOST_USER = email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = email.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
ALERT_FROM = environment.text("ALERT_FROM")
if bool(email_url) != bool(ALERT_FROM):
    raise ImproperlyConfigured("EMAIL_URL and ALERT_FROM: set both, or neither.")

# What it takes from clients, and how it stops

MAX_BODY_BYTES = environment.number("MAX_BODY_BYTES", 32 * 1024 * 1024, 1024)
UPLOAD_TIMEOUT = environment.number("UPLOAD_TIMEOUT", 120.0, 0.1)
DRAIN_SECONDS = environment.number("DRAIN_SECONDS", 60.0, 0.0)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# Pages

DASHBOARD_LOGIN_REQUIRED = environment.flag(
    "DASHBOARD_LOGIN_REQUIRED", not LOOPBACK_ONLY
)
SESSION_COOKIE_NAME = "kiro2api_session"
CSRF_COOKIE_NAME = "kiro2api_csrf"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "ninja",
    "kiro2api",
    "accounts",
    "clients",
    "proxy",
    "dashboard",
]
# Pages only: `asgi.py` hands requests of the API to a handler without middleware.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "kiro2api.urls"
ASGI_APPLICATION = "kiro2api.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.program",
            ],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "dashboard:index"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = environment.text("TZ", "UTC")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Straight from the apps' folders: nothing to collect before a first start.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG

# Live pages

REDIS_URL = environment.secret("REDIS_URL")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }

# Metrics: without a token there are none. Requests written down: off.

METRICS_TOKEN = environment.secret("METRICS_TOKEN")
DUMP_DIR = environment.text("DUMP_DIR")
DUMP_MAX_MB = environment.number("DUMP_MAX_MB", 100, 1, 1_000_000)
DUMP_KEEP_HOURS = environment.number("DUMP_KEEP_HOURS", 24, 1, 8760)

# Logs

LOG_LEVEL = environment.choice("LOG_LEVEL", "info", tuple(LEVELS))
LOG_FORMAT = environment.choice("LOG_FORMAT", "json", FORMATS)
LOG_CONSOLE = environment.flag("LOG_CONSOLE", True)
LOG_FILE = environment.text("LOG_FILE")
LOG_FILE_MAX_MB = environment.number("LOG_FILE_MAX_MB", 50, 1, 100_000)
LOG_FILE_KEEP = environment.number("LOG_FILE_KEEP", 5, 0, 1000)
log_path = Path(LOG_FILE).resolve() if LOG_FILE else None
# Told by `checks`; the console goes on without it.
LOG_FILE_FAULT = logfile.fault(log_path) if log_path else ""
if not LOG_CONSOLE and not LOG_FILE:
    raise ImproperlyConfigured("LOG_CONSOLE is off: then LOG_FILE must name a file.")
if not LOG_CONSOLE and LOG_FILE_FAULT:
    raise ImproperlyConfigured(
        f"LOG_FILE: cannot write to {LOG_FILE}: {LOG_FILE_FAULT}, and LOG_CONSOLE is "
        "off."
    )
LOGGING = logging_config(
    LOG_LEVEL,
    LOG_FORMAT,
    Sinks(
        console=LOG_CONSOLE,
        file=None if LOG_FILE_FAULT else log_path,
        file_bytes=LOG_FILE_MAX_MB * 2**20,
        file_keep=LOG_FILE_KEEP,
    ),
    secrets=(
        KIRO_CLIENT_TOKEN,
        ADMIN_PASSWORD,
        SECRET_KEY,
        METRICS_TOKEN,
        EMAIL_HOST_PASSWORD,
        DATABASES["default"].get("PASSWORD") or "",
        *SECRET_ENCRYPTION_KEYS,
    ),
)

UNFOLD = {
    "SITE_TITLE": "kiro2api",
    "SITE_HEADER": "kiro2api",
    "SITE_URL": f"{BASE_PATH}/",
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("dashboard/icon.svg"),
        }
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "dashboard.context.environment_badge",
    "SIDEBAR": {"navigation": "kiro2api.navigation.sidebar"},
    # The dashboard's blue.
    "COLORS": {
        "primary": {
            "50": "#eef1ff",
            "100": "#e0e6ff",
            "200": "#c6d0ff",
            "300": "#a2b0ff",
            "400": "#7a87fb",
            "500": "#5865f0",
            "600": "#3b49db",
            "700": "#323cbb",
            "800": "#2b3597",
            "900": "#293278",
            "950": "#191d46",
        }
    },
}
