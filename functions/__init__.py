"""What runs in Lambda: entry points, the pure core, the AWS edges and the playbooks."""
