"""What every way to sign in raises."""

from __future__ import annotations


class UnknownError(Exception):
    """A request has no identity, or one that nobody vouches for. What is told of it helps nobody to forge one."""
