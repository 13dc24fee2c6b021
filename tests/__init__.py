"""Tests, from many small ones of single decisions to few of the whole system."""
