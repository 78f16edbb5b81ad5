"""The images of the catalogue most like a query."""
