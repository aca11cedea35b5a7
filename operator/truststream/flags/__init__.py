"""Feature flags: compiled once, evaluated anywhere. Pure: no client, no clock, no environment."""
