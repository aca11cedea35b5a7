"""Tests of truststream.stats: reference cases from the literature, and properties that must hold for all numbers."""
