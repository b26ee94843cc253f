"""What journeys ask of a hub before they set out."""

from __future__ import annotations
