"""AWS and Slack on this machine: an emulator that runs the real Lambda code, and what it needs to behave as AWS does."""
