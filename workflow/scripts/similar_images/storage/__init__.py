"""Photos and results elsewhere: web addresses, buckets, and object stores."""
