"""Base settings of the portal; the other modules contain only the differences.

Each environment variable is read here once and listed in docs/operate.md. An invalid value prevents the start.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from csp.constants import NONE, SELF
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from portal.our_apps import OUR_APPS
from portal.settings.accounts import *
from portal.settings.environment import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent


class PortalName:
    """The portal's name from the database, in the language of the reader."""

    def __str__(self) -> str:
        from portal.core.brand import site_name  # noqa: PLC0415 - settings are read before the apps are ready

        return site_name()


#: Folder for this installation's database, uploads, mail and keys.
DATA_DIR = env.path("DATA_DIR", default=str(BASE_DIR / "var"))
DATA_DIR = Path(str(DATA_DIR))

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="")
#: Earlier keys, which still verify and decrypt what was signed or encrypted with them.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
#: The public address of the portal; used in mails and wherever there is no request.
BASE_URL = env.address("BASE_URL", default="http://localhost:8000", schemes=("http", "https")).rstrip("/")

# Applications -------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    *OUR_APPS,
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.github",
    "wagtail_localize",
    "wagtail_localize.locales",
    "wagtailmedia",
    "wagtail.contrib.settings",
    "wagtail.contrib.typed_table_block",
    "wagtail.contrib.redirects",
    "wagtail.contrib.search_promotions",
    "wagtail.contrib.sitemaps",
    "wagtail.embeds",
    "wagtail.sites",
    "portal.accounts.staff.apps.StaffUsersConfig",  # replaces wagtail.users, under the same label
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "lucide",
    "django_htmx",
    "template_partials",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.core.middleware.ControlCharactersMiddleware",
    "portal.insight.middleware.PageFactsMiddleware",
    "portal.core.middleware.SiteMiddleware",
    "portal.core.page_cache.PageCacheMiddleware",
    "portal.core.middleware.ContentSecurityPolicyMiddleware",
    "portal.core.middleware.PrivateResponseMiddleware",
    "portal.core.middleware.HealthMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.core.middleware.VisibleRedirectMiddleware",
    "portal.core.middleware.PreferencesMiddleware",
    "portal.core.middleware.AdminRunsMiddleware",
    "portal.accounts.middleware.StaffSecondFactorMiddleware",
    "loyalty.middleware.UsedInvitationMiddleware",
    "portal.core.middleware.UnreadableRequestMiddleware",
    "portal.core.serving.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

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
                "portal.core.context_processors.shell",
            ],
        },
    },
]
#: Whether a fragment that uses undeclared values raises an error; otherwise it is left out and logged.
FRAGMENTS_ARE_STRICT = False
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Data ---------------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'portal.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Readers never wait for the writer (WAL); writers queue at BEGIN instead of failing halfway (IMMEDIATE).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": env.int("DATABASE_LOCK_SECONDS", default=20),
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
            "PRAGMA temp_store=MEMORY;PRAGMA mmap_size=134217728;PRAGMA cache_size=-16384;PRAGMA wal_autocheckpoint=4000;"
        ),
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared by all workers: rate limits and page invalidation rely on it. Redis when there are several machines.
REDIS_URL = env.address("REDIS_URL", default="", schemes=("redis", "rediss", "unix"))
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "cache_entries",
            "OPTIONS": {"MAX_ENTRIES": 50_000},  # the default of 300 would evict rate limits
        }
    ),
}

SESSION_ENGINE = "portal.core.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_SAMESITE = "Lax"

# Files --------------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(DATA_DIR / "static"))
MEDIA_URL = "/media/"
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(DATA_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "portal.core.storage.MediaStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
#: Prefix of an internal location of nginx that contains MEDIA_ROOT; nginx then sends the files that a reader may fetch.
MEDIA_ACCEL_PREFIX = env.str("MEDIA_ACCEL_PREFIX", default="")
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
#: Megabytes of the largest upload of editors for readers to download; the same in deploy/nginx.conf.
DOWNLOADS_MAX_MB = env.int("DOWNLOADS_MAX_MB", default=200)
#: Requests for files that one account, or one network without an account, may make in an hour: a resumed download is several.
DOWNLOADS_PER_HOUR = env.int("DOWNLOADS_PER_HOUR", default=2_000)
#: Called with the path of each uploaded file: exit status 0 means clean, 1 infected. Empty: files are not looked at.
DOWNLOADS_SCAN_COMMAND = env.str("DOWNLOADS_SCAN_COMMAND", default="")
#: Bytes that signed-in people may send, by prefix of the path without its language; `*` is any one part of it.
#: Everywhere else, and for everybody else: 64 kB. The same as in deploy/nginx.conf.
LARGER_BODIES = {
    "/admin/": 2_500 * 1024,
    "/django-admin/": 2_500 * 1024,
    "/admin/account/": 11 * 1024 * 1024,
    "/admin/images/": 11 * 1024 * 1024,
    "/admin/documents/": 200 * 1024 * 1024,
    "/admin/media/": 200 * 1024 * 1024,
    "/admin/help/import/": 110 * 1024 * 1024,
    "/admin/downloads/": DOWNLOADS_MAX_MB * 1024 * 1024,
    # One picture of `community.services.uploads.MAX_BYTES` with the text around it; without a script, all pictures.
    "/community/upload/": 6 * 1024 * 1024,
    "/community/ask/": 6 * 1024 * 1024,
    "/community/t/*/reply/": 6 * 1024 * 1024,
    "/community/p/*/edit/": 6 * 1024 * 1024,
}
#: Connections of one address to one server process; 0 for no limit, as behind a proxy, which is one address.
CONNECTIONS_PER_ADDRESS = env.int("CONNECTIONS_PER_ADDRESS", default=0 if ALLAUTH_TRUSTED_PROXY_COUNT else 256)

#: Megabytes below which a disk counts as short of space.
DISK_FREE_MB = env.int("DISK_FREE_MB", default=500)

# Languages ----------------------------------------------------------------------------------------------------------

LANGUAGES = [("fa", "فارسی"), ("en", "English")]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", default="fa", among=dict(LANGUAGES))
WAGTAIL_CONTENT_LANGUAGES = LANGUAGES
WAGTAIL_I18N_ENABLED = True
WAGTAILLOCALIZE_SYNC_LIVE_STATUS_ON_TRANSLATE = False
LOCALE_PATHS = [BASE_DIR / "portal" / "locale", BASE_DIR / "portal" / "locale_overrides"]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = env.choice("TIME_ZONE", default="Asia/Tehran", among=available_timezones())
USE_TZ = True
USE_I18N = True

# Accounts -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Mail ---------------------------------------------------------------------------------------------------------------

if email := env.email("EMAIL_URL"):
    vars().update(email)
    MAIL_TRANSPORT = "portal.core.mail_transports.SmtpBackend"
else:  # without a mail server: every mail becomes a file
    MAIL_TRANSPORT = "portal.core.mail_transports.FileBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "mail")
#: Mails of pages and libraries wait for the outbox worker, which passes them to the transport.
EMAIL_BACKEND = "portal.core.mail.QueueBackend"
#: Seconds the worker waits for each answer of a mail server.
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10) or 10
#: Address for replies to our mails, if not the sender.
REPLY_TO_EMAIL = env.str("REPLY_TO_EMAIL", default="")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"no-reply@{urlsplit(BASE_URL).hostname}")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ADMINS = [("", address) for address in env.list("ADMINS", default=[])]

# Outbox -------------------------------------------------------------------------------------------------------------

#: Days for which a delivered message is kept, for troubleshooting.
OUTBOX_KEEP_DAYS = env.int("OUTBOX_KEEP_DAYS", default=7)
#: Whether events of points may be sent to this machine and over plain HTTP: tests only, there is no variable for it.
WEBHOOKS_TO_THIS_MACHINE = False

# Spam ---------------------------------------------------------------------------------------------------------------

#: Key of Akismet, or of another server with its interface, which is asked about what members publish; empty: nobody is.
AKISMET_KEY = env.str("AKISMET_KEY", default="")
AKISMET_URL = env.address("AKISMET_URL", default="https://rest.akismet.com", schemes=("http", "https")).rstrip("/")

# Notifications ------------------------------------------------------------------------------------------------------

#: Minutes between two mails about the same subject to one person; what happens in between is mailed together.
NOTIFICATIONS_MAIL_MINUTES = env.int("NOTIFICATIONS_MAIL_MINUTES", default=10)
#: Hour of a person's own day from which their digest is sent.
NOTIFICATIONS_DIGEST_HOUR = int(
    env.choice("NOTIFICATIONS_DIGEST_HOUR", default="8", among=[str(hour) for hour in range(24)])
)
#: Days for which a notification is kept after it was read; one that nobody reads, four times as long.
NOTIFICATIONS_KEEP_DAYS = env.int("NOTIFICATIONS_KEEP_DAYS", default=90)

# Security -----------------------------------------------------------------------------------------------------------

CSRF_FAILURE_VIEW = "portal.core.views.csrf_failure"
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "manifest-src": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [SELF],
        "object-src": [NONE],
    },
}
#: Behind a proxy that terminates TLS: trust its header, redirect to HTTPS, mark cookies as secure.
HTTPS = env.bool("HTTPS", default=False)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/$"]  # monitors bypass the proxy
    SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=60 * 60 * 24 * 30)
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True

# Wagtail ------------------------------------------------------------------------------------------------------------

WAGTAIL_SITE_NAME = lazystr(PortalName())
WAGTAILADMIN_BASE_URL = BASE_URL
WAGTAIL_ALLOW_UNICODE_SLUGS = True
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_PASSWORD_RESET_ENABLED = False
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAILADMIN_PERMITTED_LANGUAGES = LANGUAGES
WAGTAILEMBEDS_FINDERS: list[dict[str, str]] = []
WAGTAILIMAGES_EXTENSIONS = ["jpg", "jpeg", "png", "webp", "gif"]
WAGTAILIMAGES_MAX_UPLOAD_SIZE = 10 * 1024 * 1024
WAGTAILIMAGES_MAX_IMAGE_PIXELS = 40_000_000
WAGTAILIMAGES_IMAGE_FORM_BASE = "portal.core.picture_form.PictureForm"
WAGTAILIMAGES_FORMAT_CONVERSIONS = {"png": "webp", "jpeg": "webp", "bmp": "webp"}
WAGTAILDOCS_EXTENSIONS = ["pdf", "txt", "csv", "vtt", "zip"]
WAGTAILDOCS_SERVE_METHOD = "serve_view"  # documents have addresses of `portal.core.files`, never of the disk
WAGTAILMEDIA = {
    "MEDIA_MODEL": "faq.HelpMedia",
    "AUDIO_EXTENSIONS": ["wav", "mp3", "ogg", "m4a"],
    "VIDEO_EXTENSIONS": ["mp4", "webm"],
}
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "portal.core.admin_search"}}
TAGGIT_CASE_INSENSITIVE = True

# Insight --------------------------------------------------------------------------------------------------------------

#: Whether a thread in each process stores activity; otherwise callers use `portal.insight.recorder.recorder.flush`.
ACTIVITY_THREAD = True

#: Days for which the words of readers' answers under articles are kept; the answers themselves stay.
ARTICLE_REVIEW_MONTHS = env.int("ARTICLE_REVIEW_MONTHS", default=12)
FEEDBACK_TEXT_DAYS = env.int("FEEDBACK_TEXT_DAYS", default=365)

# Awards of points in a day above which they wait for staff, unless members usually get more: of a rule, of a member, of all who
# signed in from one address; and how many standard deviations are unusual. 0 awards: no limit.
POINTS_PACE_RULE = env.int("POINTS_PACE_RULE", default=25)
POINTS_PACE_MEMBER = env.int("POINTS_PACE_MEMBER", default=40)
POINTS_PACE_ADDRESS = env.int("POINTS_PACE_ADDRESS", default=60)
POINTS_PACE_DEVIATIONS = env.int("POINTS_PACE_DEVIATIONS", default=4)

# Search --------------------------------------------------------------------------------------------------------------

#: Per person or address; generous, because many customers may share an address. Suggestions: five times as many.
SEARCH_REQUESTS_PER_MINUTE = env.int("SEARCH_REQUESTS_PER_MINUTE", default=600)
#: Number of visits from which a question is listed; fewer could reveal one person's own words.
SEARCH_LISTED_FROM_VISITS = env.int("SEARCH_LISTED_FROM_VISITS", default=5)
#: Days for which single searches and clicks are kept; afterwards only counts per day.
SEARCH_LOG_DAYS = env.int("SEARCH_LOG_DAYS", default=90)
#: A cluster that answers instead of the database index, which is kept up to date and takes over in an outage.
ELASTICSEARCH_URL = env.address("ELASTICSEARCH_URL", default="", schemes=("http", "https")).rstrip("/")
ELASTICSEARCH_USER = env.str("ELASTICSEARCH_USER", default="")
ELASTICSEARCH_PASSWORD = env.str("ELASTICSEARCH_PASSWORD", default="")
ELASTICSEARCH_API_KEY = env.str("ELASTICSEARCH_API_KEY", default="")
#: Certificate file of the authority that signed the cluster's certificate.
ELASTICSEARCH_CA = env.str("ELASTICSEARCH_CA", default="")
#: Prefix of the names of this portal's indices.
ELASTICSEARCH_PREFIX = env.str("ELASTICSEARCH_PREFIX", default="portal")
#: Semantic search; None means: if its package is installed (requirements-semantic.txt).
SEARCH_SEMANTIC = env.switch("SEARCH_SEMANTIC")

# Logs ---------------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": env.choice("LOG_LEVEL", default="INFO", among=("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "filters": {
        "refusals": {
            "()": "django.utils.log.CallbackFilter",
            "callback": "ext://portal.core.logs.without_traceback_of_refusals",
        },
        "tokens": {"()": "django.utils.log.CallbackFilter", "callback": "ext://portal.core.logs.without_tokens"},
    },
    "loggers": {
        "django.request": {"filters": ["refusals", "tokens"]},
        "django.server": {"level": "WARNING"},
        "django_tasks": {"level": "WARNING"},  # otherwise one line per indexed object
        "wagtail": {"level": "WARNING"},
        "elastic_transport": {"level": "ERROR"},  # search itself logs each failure, once
    },
}

SITE_TAGLINE = _("Customer hub")
