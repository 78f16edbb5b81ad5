"""People's decisions on photos, and the labels that these override."""
