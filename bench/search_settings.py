"""Production settings on a throwaway database, whose tables are created from the models, without migrations."""

from portal.settings.production import *  # noqa: F403 - all of them


class _NoMigrations:
    """A mapping that disables the migrations of every app."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


MIGRATION_MODULES = _NoMigrations()
