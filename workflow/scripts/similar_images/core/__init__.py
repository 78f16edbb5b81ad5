"""What every package uses: files that are written completely or not at all, errors for users, and logs of jobs."""
