"""The networks that turn pixels into features, their weights, and the engines that run them."""
