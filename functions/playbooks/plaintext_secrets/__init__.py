"""Which environment variables hold a secret in plain text, and why. Pure: text in, verdict out."""
