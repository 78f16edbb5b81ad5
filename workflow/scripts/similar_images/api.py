"""The public functions and classes: see docs/asking.md and docs/deployment.md for examples.

- `Catalogue`: what a photo shows and which known photos are most like it, from the results
- `Answer`, `Neighbour`: what it returns
- `load_features`: the features of a collection, from its results, as a `FeatureTable`
- `normalise`: scale features to length 1, as `nearest` expects them
- `nearest`: the most similar photos, by exact search
- `majority_vote`, `weighted_vote`: the class that most similar photos have, as a `VoteResult`
- `UserError`: raised if a file cannot be read or is damaged; its text names the file
"""

from .answers.answer import Answer, Neighbour
from .answers.catalogue import Catalogue
from .classification.vote import VoteResult
from .classification.vote import majority as majority_vote
from .classification.vote import weighted as weighted_vote
from .core.errors import UserError
from .features.feature_table import FeatureTable, normalise
from .features.sharded_features import load as load_features
from .search.exact import nearest

__all__ = [
    "Answer",
    "Catalogue",
    "FeatureTable",
    "Neighbour",
    "UserError",
    "VoteResult",
    "load_features",
    "majority_vote",
    "nearest",
    "normalise",
    "weighted_vote",
]
