"""AWS and Slack on this machine: an emulator that runs the real Lambda code, corrected to behave as AWS does."""
