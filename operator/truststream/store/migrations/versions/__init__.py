"""The steps. They only add: servers of the version before go on while a new one migrates."""
