"""The command line: `python -m similar_images --version`."""

import argparse

from . import __version__

parser = argparse.ArgumentParser(
    prog="python -m similar_images",
    description="The library of Similar Image Finder. Its workflow is run with snakemake.",
)
parser.add_argument("--version", action="version", version=f"Similar Image Finder {__version__}")

if __name__ == "__main__":
    parser.parse_args()
    parser.print_help()
