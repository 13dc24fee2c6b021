"""Corpora of environment variables, labelled secret or not: made at run time, never issued by anybody."""
