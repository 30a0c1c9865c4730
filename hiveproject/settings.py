"""Settings of the hive. Everything that differs between hives comes from the environment."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from agents.paths import Paths
from agents.repositories import meta
from hiveproject import databases, environment
from hiveproject.queue import HiveHuey

BASE_DIR = environment.REPOSITORY
HIVE_PATHS = Paths(*environment.roots())
HIVE_VERSION = "0.1.0"
HIVE_BACKEND = environment.choice("HYPERHIVE_BACKEND", "local", ("local", "nixos"))
HIVE_BIND = environment.text("HYPERHIVE_BIND", "127.0.0.1")
HIVE_PORT = environment.integer("HYPERHIVE_PORT", 7000, 1, 65535)
HIVE_DEFAULT_DRIVER = environment.choice("HYPERHIVE_DEFAULT_DRIVER", "auto", ("auto", "claude", "scripted"))
HIVE_DURABILITY = environment.choice("HYPERHIVE_DURABILITY", "full", ("full", "normal"))
HIVE_HEALTH_SECONDS = environment.integer("HYPERHIVE_HEALTH_SECONDS", 60, 1, 3600)
HIVE_PREBUILD = environment.choice("HYPERHIVE_PREBUILD", "no", ("no", "yes")) == "yes"
HIVE_FLAKE = environment.text("HYPERHIVE_FLAKE", meta.default_url())
HIVE_WORKER_THREADS = environment.integer("HYPERHIVE_WORKER_THREADS", 8, 2, 64)
HIVE_RETENTION_DAYS = environment.integer("HYPERHIVE_RETENTION_DAYS", 30, 1, 3650)
HIVE_TWO_PERSON = environment.choice("HYPERHIVE_TWO_PERSON", "no", ("no", "yes")) == "yes"
HIVE_PUBLIC_URL = environment.address("HYPERHIVE_PUBLIC_URL", f"http://localhost:{HIVE_PORT}").rstrip("/")
HIVE_NOTIFY_KIND = environment.choice("HYPERHIVE_NOTIFY_KIND", "json", ("ntfy", "slack", "matrix", "json"))
HIVE_NOTIFY_URL = environment.address("HYPERHIVE_NOTIFY_URL", "")
HIVE_NOTIFY_SECRET = environment.text("HYPERHIVE_NOTIFY_SECRET")
HIVE_EVENT_DAYS = environment.integer("HYPERHIVE_EVENT_DAYS", 30, 8, 3650)
# What all agents together may use in a day (UTC); 0 is no limit.
HIVE_SWARM_BUDGET = {
    "tokens": environment.integer("HYPERHIVE_TOKENS_PER_DAY", 0, 0, 10**12),
    "cost": environment.integer("HYPERHIVE_COST_PER_DAY", 0, 0, 10**6),
    "turns": environment.integer("HYPERHIVE_TURNS_PER_DAY", 0, 0, 10**9),
}
HIVE_STUCK_MINUTES = environment.integer("HYPERHIVE_STUCK_MINUTES", 10, 1, 1440)
HIVE_FORGE_REPO = environment.text("HIVE_FORGE_REPO")

if HIVE_BACKEND == "nixos":
    raise ImproperlyConfigured("HYPERHIVE_BACKEND: this version runs agents with 'local' only; unset it to go on")
if environment.text("REDIS_URL"):
    raise ImproperlyConfigured("REDIS_URL: this version keeps its queue in SQLite on one machine; unset it to go on")

SECRET_KEY = environment.secret_key(HIVE_PATHS.state / "secret-key")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *environment.words("HYPERHIVE_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = environment.words("HYPERHIVE_ALLOWED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "huey.contrib.djhuey",
    "agents",
    "approvals",
    "broker",
    "hiveproject",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hiveproject.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "hiveproject.middleware.SignInRequired",
]

ROOT_URLCONF = "hiveproject.urls"
ASGI_APPLICATION = "hiveproject.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hiveproject.dashboard.context.hive",
            ],
        },
    }
]

DATABASES = {"default": databases.settings_for(environment.text("DATABASE_URL"), HIVE_PATHS.database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The queue only pokes; JSON with ids, since a pickle in the queue would be code in the worker.
HUEY = HiveHuey(name="hive", filename=str(HIVE_PATHS.queue))

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_NAME = "hyperhive_session"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "hiveproject.dashboard.errors.csrf_failure"
CSRF_COOKIE_NAME = "hyperhive_csrf"
# Nothing leaks to other origins (an agent's page on another port is one). With "no-referrer" browsers send
# `Origin: null` even to ourselves, which the CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [
    ("idiomorph", BASE_DIR / "node_modules" / "idiomorph" / "dist"),
    ("xterm/lib", BASE_DIR / "node_modules" / "@xterm" / "xterm" / "lib"),
    ("xterm/css", BASE_DIR / "node_modules" / "@xterm" / "xterm" / "css"),
    ("xterm-fit", BASE_DIR / "node_modules" / "@xterm" / "addon-fit" / "lib"),
    # Modules import each other by name, so a version's files keep theirs: the folder carries the version.
    *((f"novnc-1.7.0/{part}", BASE_DIR / "node_modules" / "@novnc" / "novnc" / part) for part in ("core", "vendor")),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "huey": {"level": "WARNING"},
        "mcp": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
