"""What all admin screens of points have in common."""

from __future__ import annotations

from portal.core.screens import Screen

__all__ = ["Screen"]
