"""Image files: which there are, what they are called, and the pixels that their bytes give."""
