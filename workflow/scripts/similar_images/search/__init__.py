"""The catalogue images most similar to a query."""
