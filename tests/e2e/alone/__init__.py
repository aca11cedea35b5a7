"""Scenarios that take the operator or Prometheus away from everybody: one after another."""
