"""Recursive loops: found in the graph of what triggers a function and what it may write to."""
