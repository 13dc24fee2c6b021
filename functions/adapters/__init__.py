"""The edges: AWS sessions, the snapshot reader, the state table, the bus, queues and Slack."""
