"""The portal as it runs for real, on a throwaway database: the tables are made from the models, without the history."""

from portal.settings.production import *  # noqa: F403 - all of them


class _NoMigrations:
    """Says of every app that it has none."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


MIGRATION_MODULES = _NoMigrations()
