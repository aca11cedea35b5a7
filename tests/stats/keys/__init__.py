"""Tests of the judge's keys: golden values, and what must hold for every count."""
