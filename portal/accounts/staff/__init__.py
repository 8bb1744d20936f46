"""People in Wagtail's admin: who works here, with which roles."""
