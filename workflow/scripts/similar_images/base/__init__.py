"""What every room uses: files that are whole or absent, errors for people, and what a job tells."""
