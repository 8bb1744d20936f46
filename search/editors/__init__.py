"""Screens for editors in the Wagtail admin: synonyms, pinned answers, the search report."""
