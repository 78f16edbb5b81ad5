"""Answers to single photos, from the results of the last run."""
