"""The synthesised stacks: what is in them, what may not be, and their limits."""
