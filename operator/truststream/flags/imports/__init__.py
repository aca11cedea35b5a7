"""FeatureFlags out of other systems' files, with a report of all that is not as it was there."""
