"""The class of a query: the vote of its neighbours, its confidence, and whether it is refused."""
