"""The smallest site that has Wagtail's search, and the databases' own: what ours is compared with."""
