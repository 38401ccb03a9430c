"""REST of matching: reviews, measured confidence and weights, comparisons of a draft with what runs."""
