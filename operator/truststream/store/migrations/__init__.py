"""How the schema came to be, a file a step; run by `truststream.store.schema`, never by hand."""
