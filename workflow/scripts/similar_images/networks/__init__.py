"""What turns a picture into features: the networks, their weights, and what runs them."""
