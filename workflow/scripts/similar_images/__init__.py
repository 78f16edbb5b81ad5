"""The library behind the workflow: plain functions over paths, arrays and tables.

Nothing in here knows Snakemake. Its packages follow the way of the data: `remote`, `photos`,
`networks`, `features`, `search`, `answers`, `catalogue` and `pages`. Each imports only from those
before it, and from `base`.
"""
