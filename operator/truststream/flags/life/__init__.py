"""The life of a flag: what is served of it, who agreed, who changed what, how it is used, whether it is stale."""
