"""Photos that stand elsewhere: at addresses of the web, and in buckets."""
