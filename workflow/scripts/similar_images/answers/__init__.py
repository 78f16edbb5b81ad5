"""What the neighbours say of a query: its class, how sure that is, and how often it is right."""
