from django.urls import path, re_path

from portal.core import files, robots, sitemaps, views, views_brand

urlpatterns = [
    path("", views.language_root, name="language_root"),
    path("robots.txt", robots.robots, name="robots"),
    path("sitemap.xml", sitemaps.sitemap, name="sitemap"),
    path("theme.<slug:digest>.css", views_brand.theme, name="brand_theme"),
    path("brand/<slug:kind>.<slug:digest>.png", views_brand.picture, name="brand_picture"),
    path("manifest-<slug:language>.webmanifest", views_brand.manifest, name="brand_manifest"),
    path("health/", views.health, name="health"),
    path("media/<path:path>", files.media, name="media"),
    re_path(r"^documents/(\d+)/(.*)\Z", files.document, name="wagtaildocs_serve"),  # the name Wagtail looks up
]
