"""The rungs of the ladder: what breaks a loop without losing an event, step by step, each with its own undo."""
