"""Presentation of results: highlighting, facets, the best answer, guidance, pinned answers, visibility."""
