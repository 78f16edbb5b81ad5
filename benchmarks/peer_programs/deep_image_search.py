"""DeepImageSearch: index the catalogue, or what is new in it, and search it for the queries.

python deep_image_search.py CATALOGUE QUERIES STATE
"""

import sys
from pathlib import Path

from DeepImageSearch import SearchEngine
from DeepImageSearch.core.embeddings import EmbeddingManager, TimmEmbedding

catalogue, queries, state = map(Path, sys.argv[1:])

# Random weights, since there may be no network: the time does not depend on them.
EmbeddingManager.create = staticmethod(
    lambda name, **options: TimmEmbedding(name, pretrained=False, image_size=260, device="cpu")
)
engine = SearchEngine("tf_efficientnet_lite2", index_dir=str(state))
if state.is_dir():
    engine.load()
known = {record["image_path"] for record in engine.get_records()}
photos = sorted(map(str, catalogue.rglob("*.jpg")))
engine.add_images([photo for photo in photos if photo not in known])
engine.save()
for query in sorted(queries.rglob("*.jpg")):
    engine.search_by_image(str(query), k=10)
