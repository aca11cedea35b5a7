"""The server over HTTP: OFREP, event streams, batches, exposures in."""
