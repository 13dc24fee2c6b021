"""Plaintext secrets in environment variables: known by `classifier`, moved and watched by the rest."""
