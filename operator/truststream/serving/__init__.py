"""The server role: flags over OFREP and flagd's gRPC, exposures in. Stateless replicas fed by one watch each."""
