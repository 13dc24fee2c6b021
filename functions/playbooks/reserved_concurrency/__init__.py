"""A critical function must not be starved by its neighbours: it gets reserved concurrency."""
