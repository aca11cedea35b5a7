"""What users see, on a cluster with real pods, a real proxy and a real Prometheus."""
