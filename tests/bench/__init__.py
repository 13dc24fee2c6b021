"""Figures: calls, milliseconds and bytes of this system, beside an aim or a peer measured in the same run."""
