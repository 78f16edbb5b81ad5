"""What image files there are, what each is called, and the picture that its bytes give."""
