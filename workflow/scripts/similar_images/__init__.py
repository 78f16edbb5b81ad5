"""The library behind the workflow: plain functions over paths, arrays and tables.

Nothing in here knows Snakemake. Each stage has its module: `collection` and `manifest`
(what images there are), `preparation`, `engines` and `extraction` (their features), `index`
(all features in one file), `neighbours` and `predictions`, `metrics` (how good they are).
"""
