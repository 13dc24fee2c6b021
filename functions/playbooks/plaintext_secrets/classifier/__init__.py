"""Which environment variables hold a secret in plain text, and why; begin with `classify`. Pure."""
