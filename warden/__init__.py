"""The operator's command line, and the embedded AWS it can run everything on."""
