"""What is neither a page nor a JSON document: the events of a run, as they come."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
