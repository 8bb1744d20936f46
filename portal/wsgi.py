import gc
import os

from django.core.wsgi import get_wsgi_application

os.umask(0o077)  # as manage.py does
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")

application = get_wsgi_application()

# Objects loaded by now live as long as the process: exclude them from garbage collection (saves a tenth of each page).
gc.collect()
gc.freeze()
