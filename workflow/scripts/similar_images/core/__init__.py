"""What every package uses: files written completely or not at all, errors, and logs."""
