"""What has to outlive a process: exposures now, assignments and metric events with experiments."""
