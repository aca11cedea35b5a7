"""From measurements to a verdict: the judges, and what they remember between two looks. Knows nothing of steps."""
