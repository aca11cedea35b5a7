"""The server over gRPC: flagd's sync and flagd's evaluation."""
