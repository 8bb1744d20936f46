"""A minimal site with Wagtail's search and those of the databases, to compare ours with."""
