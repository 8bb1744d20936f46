"""The JSON API for shops: docs/loyalty-api.md."""
