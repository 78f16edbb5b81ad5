"""Similar Image Finder: the class of new product photos, and the known photos most like them.

Nothing in here knows Snakemake. Each package imports only from those below it: see docs/design.md.
"""
