"""User management in Wagtail's admin: staff and their roles."""
