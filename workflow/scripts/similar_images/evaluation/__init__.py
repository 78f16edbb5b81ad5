"""How good the answers are: accuracy, cross-validation, and comparisons of settings."""
