"""The local server: a page that asks about photos, and the same for other programs."""
