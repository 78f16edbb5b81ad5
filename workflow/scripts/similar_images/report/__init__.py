"""What people read: the pages, the figures, the history, and the summary of a run."""
