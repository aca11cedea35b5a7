"""Who asks, for whose flags, and how often: the same for every protocol."""
