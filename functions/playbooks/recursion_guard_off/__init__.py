"""Lambda's own loop detection stays on, unless somebody says why not, and until when."""
