"""Whether two pictures are the same one: copies, crops and mirror images."""
