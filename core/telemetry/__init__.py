"""What the service reports about itself: metrics of requests and tasks, traces, errors."""
