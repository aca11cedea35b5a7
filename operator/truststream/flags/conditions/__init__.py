"""Conditions of rules and segments: each operator turns its value into a test of a context, once."""
