"""Releases played again: over recorded history or over drawn counts, by the very judge and rules of the controller."""
