"""What people look at: the report, the page of the audit, and the figures."""
