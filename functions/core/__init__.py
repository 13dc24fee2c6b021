"""Pure decisions over frozen data: standard library only, no AWS, no clock, no environment."""
