"""flagd's wire messages: our `.proto` files and what `make protos` generates from them."""
